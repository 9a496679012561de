module example/cxx

go 1.24

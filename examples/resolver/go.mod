module example/resolver

go 1.24

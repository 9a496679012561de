module example/callback

go 1.24

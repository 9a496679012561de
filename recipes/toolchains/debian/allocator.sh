# mimalloc as one object that takes malloc's place, into host/. musl's own gives memory back to the kernel at once, and a
# compiler asks for it again: a tenth of its time.

gcc -O2 -g0 -pipe -DNDEBUG -DMI_MALLOC_OVERRIDE -Isrc/mimalloc/include -c src/mimalloc/src/static.c -o host/lib/mimalloc.o

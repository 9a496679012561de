# The libraries that compiled programs lean on: libatomic, and libstdc++ when C++ was asked for.

PATH="$WORK/out/bin:$PATH"

libraries=libatomic
case ",$COMPILED_LANGUAGES," in
    *,c++,*) libraries="$libraries libstdc++-v3" ;;
esac
for library in $libraries; do
    make -C obj/gcc -j"$JOBS" "all-target-$library" MAKEINFO=true
    make -C obj/gcc "install-target-$library" MAKEINFO=true DESTDIR="$WORK/out"
done

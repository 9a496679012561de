# C++, where it was asked for: of LLVM libunwind, libc++abi and libc++, each as its own build description has it for
# a static library.

. recipe/batch.sh
case ",$COMPILED_LANGUAGES," in
    *,c++,*) ;;
    *) exit ;;
esac
rm -rf cxx
mkdir cxx
for folder in libunwind libcxxabi libcxx; do
    cp -a "src/llvm/$folder" cxx/
done
cd cxx

# The headers, with the settings that CMake would write.
headers=$WORK/additions/$TARGET/include/c++/v1
mkdir -p "$headers"
cp -R libcxx/include/. "$headers/"
rm -f "$headers"/*.in "$headers"/CMakeLists.txt
cp libcxxabi/include/*.h "$headers/"
cp libcxx/vendor/llvm/default_assertion_handler.in "$headers/__assertion_handler"
cat > "$headers/__config_site" << 'SITE'
#ifndef _LIBCPP___CONFIG_SITE
#define _LIBCPP___CONFIG_SITE
#define _LIBCPP_ABI_VERSION 1
#define _LIBCPP_ABI_NAMESPACE __1
#define _LIBCPP_HAS_MUSL_LIBC
#define _LIBCPP_HAS_THREAD_API_PTHREAD
#define _LIBCPP_HAS_NO_VENDOR_AVAILABILITY_ANNOTATIONS
#define _LIBCPP_HAS_NO_TIME_ZONE_DATABASE
#define _LIBCPP_PSTL_BACKEND_STD_THREAD
#define _LIBCPP_HARDENING_MODE_DEFAULT 2
#endif
SITE

flags="$COMPILER_ARGUMENTS --sysroot=$WORK/out/$TARGET -resource-dir=$WORK/out/clang $TARGET_CFLAGS"
flags="$flags -w -DNDEBUG -fvisibility=hidden -ffunction-sections -fdata-sections -funwind-tables"
unwind="$flags -Ilibunwind/include -D_LIBUNWIND_IS_NATIVE_ONLY -D_LIBUNWIND_USE_FRAME_HEADER_CACHE"
cxx="$flags -nostdinc++ -I$headers -std=c++23 -fvisibility-inlines-hidden -D_LIBCPP_BUILDING_LIBRARY"
cxx="$cxx -D_LIBCPP_REMOVE_TRANSITIVE_INCLUDES -DLIBCXX_BUILDING_LIBCXXABI -D_LIBCPP_LINK_PTHREAD_LIB"
abi="$cxx -D_LIBCXXABI_BUILDING_LIBRARY -DHAVE___CXA_THREAD_ATEXIT_IMPL -Ilibcxxabi/include -Ilibcxx/src"
{
    for file in libunwind/src/Unwind-EHABI.cpp libunwind/src/libunwind.cpp; do
        echo "clang $unwind -nostdinc++ -std=c++17 -fno-exceptions -fno-rtti -c -o unwind/$(basename "$file" .cpp).o $file"
    done
    for file in libunwind/src/UnwindLevel1.c libunwind/src/UnwindLevel1-gcc-ext.c libunwind/src/Unwind-sjlj.c; do
        echo "clang $unwind -std=c99 -fexceptions -c -o unwind/$(basename "$file" .c).o $file"
    done
    for file in libunwind/src/UnwindRegistersRestore.S libunwind/src/UnwindRegistersSave.S; do
        echo "clang $unwind -c -o unwind/$(basename "$file" .S).o $file"
    done
    for file in libcxxabi/src/*.cpp; do
        # What there is in its place without exceptions.
        case $file in */cxa_noexception.cpp) continue ;; esac
        echo "clang $abi -c -o abi/$(basename "$file" .cpp).o $file"
    done
    for file in libcxx/src/*.cpp libcxx/src/filesystem/*.cpp libcxx/src/ryu/*.cpp; do
        # libc++abi has these.
        case $file in */new.cpp | */int128_builtins.cpp) continue ;; esac
        echo "clang $cxx -Ilibcxx/src -Ilibcxxabi/include -c -o $(echo "${file%.cpp}" | sed 's|libcxx/src|cxx|').o $file"
    done
} | compile_all

lib=$WORK/additions/$TARGET/lib
mkdir -p "$lib"
llvm-ar rcD "$lib/libunwind.a" unwind/*.o
llvm-ar rcD "$lib/libc++abi.a" abi/*.o
# As clang links libc++ alone, what it needs of libc++abi is in it too.
llvm-ar rcD "$lib/libc++.a" cxx/*.o cxx/*/*.o abi/*.o

# What most of GCC's files begin with, compiled once: two fifths of the time that each of them takes goes to the same headers.

# beginners general|machine SOURCE...: the objects of the files that need the large headers and have nothing before those but the three
# that all of GCC has, and what these are asked for by INCLUDE_. Files for a machine say so first, and see other things in them.
beginners() {
    wanted=$1
    shift
    awk -v wanted="$wanted" '
        FNR == 1 { state = "begins"; is = "general" }
        state == "begins" && /^# *(define|undef|if|include)/ {
            if (/^#define IN_TARGET_CODE 1$/) is = "machine"
            else if (/^#include "coretypes\.h"/) state = "has begun"
            else if (!/^#include "(config|system)\.h"/ && !/^#define INCLUDE_(ALGORITHM|ARRAY|FUNCTIONAL|LIST|MAP|MEMORY|SET|STRING|VECTOR)( |$)/) state = "differs"
        }
        state == "has begun" && /^#include "(backend|tree|rtl|c-tree|cp-tree|c-common|c-family\/c-common)\.h"/ {
            state = "is told"
            object = FILENAME
            sub(/\.cc$/, ".o", object)
            sub(/^\.\//, "", object)
            sub(/^config\/(.*\/)?/, "", object)
            if (is == wanted) printf "%s ", object
        }
    ' "$@"
}

# share_headers SOURCES: in the folder where GCC's own was configured, whose makefile is added to.
share_headers() {
    write_header() { # FILE HEADER...
        file=$1
        shift
        {
            printf '#define INCLUDE_%s\n' ALGORITHM ARRAY FUNCTIONAL LIST MAP MEMORY SET STRING VECTOR
            printf '#include "%s"\n' config.h system.h coretypes.h backend.h target.h "$@"
        } >> "$file"
    }
    rm -f ./*.shared.h
    # The order is that of the files themselves: tm_p.h says more behind rtl.h, fold-const.h behind vec-perm-indices.h.
    echo '#define IN_TARGET_CODE 1' > machine.shared.h
    for group in general machine; do
        write_header $group.shared.h rtl.h tree.h gimple.h df.h memmodel.h tm_p.h ssa.h tree-pass.h cgraph.h vec-perm-indices.h fold-const.h
    done
    write_header c.shared.h tree.h gimple.h gimplify.h cgraph.h vec-perm-indices.h fold-const.h c-family/c-common.h
    write_header c++.shared.h tree.h gimple.h gimplify.h cgraph.h vec-perm-indices.h fold-const.h cp/cp-tree.h
    {
        for group in general machine; do
            printf '\n%s_beginners = %s' $group "$(cd "$1" && beginners $group ./*.cc c/*.cc c-family/*.cc cp/*.cc config/*.cc config/*/*.cc)"
        done
        cat <<'EOF'

# And what the generators write.
general_beginners += gimple-match-%.o generic-match-%.o
machine_beginners += $(addprefix insn-,attrtab.o automata.o dfatab.o emit-%.o extract.o latencytab.o opinit.o output.o peep.o preds.o recog.o)

# Those that are compiled with these flags of their own, and no others.
with_flags = $(foreach object,$(1),$(if $(subst x$(strip $(2))x,,x$(strip $(CFLAGS-$(object)))x),,$(object)))
# Not what the driver is linked with too: it lacks what functions in the headers call.
of_compiler = $(call with_flags,$(filter-out $(OBJS-libcommon) $(OBJS-libcommon-target),$(filter $(1),$(OBJS))))
of_front_ends := $(call with_flags,$(general_beginners),-DIN_GCC_FRONTEND)

# -fpch-preprocess is for a ccache that calls the compiler.
define begin_with_shared
$(2): private ALL_COMPILERFLAGS += -fpch-preprocess -include $(1).shared.h
$(2): | $(1).shared.h.gch
# Large, and of no use once the objects are there.
.INTERMEDIATE: $(1).shared.h.gch
$(1).shared.h.gch: $(1).shared.h | $$(generated_files)
	$$(COMPILER) -c $$(ALL_COMPILERFLAGS) $(3) $$(ALL_CPPFLAGS) -x c++-header $$< -o $$@
endef
$(eval $(call begin_with_shared,general,$(call of_compiler,$(general_beginners))))
$(eval $(call begin_with_shared,machine,$(call of_compiler,$(machine_beginners))))
$(eval $(call begin_with_shared,c,$(filter-out cp/%,$(of_front_ends)),-DIN_GCC_FRONTEND))
$(if $(filter cp/%,$(of_front_ends)),$(eval $(call begin_with_shared,c++,$(filter cp/%,$(of_front_ends)),-DIN_GCC_FRONTEND)))
EOF
    } >> Makefile
}

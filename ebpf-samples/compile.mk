# SPDX-License-Identifier: MIT OR Apache-2.0
# How C becomes objects for the platform. Included by Makefiles that set
#
#   FOLDER    their own folder, seen from the root of the repository
#   SOURCES   their sources
#
# The compiler runs in the root of the repository, whose path is mapped to nothing: an object names
# its source as `ebpf-samples/accept/pass.c`, wherever it was built. DWARF 5, which -g would mean, holds
# checksums of the sources: with version 4 an object stays the same when a comment changes.
CLANG ?= clang-19
OUT ?= $(CURDIR)
CPU = v3
LEVEL = O2
CFLAGS = -target bpf -mcpu=$(CPU) -$(LEVEL) -gdwarf-4 -Wall -Wextra -Werror -I ebpf-samples/include

OBJECTS = $(SOURCES:%.c=$(OUT)/%.o)
ROOT := $(dir $(lastword $(MAKEFILE_LIST)))..

all: $(OBJECTS)

$(OUT)/%.o: %.c $(wildcard $(ROOT)/ebpf-samples/include/*.h) $(HEADERS)
	@mkdir -p $(@D)
	cd $(ROOT) && $(CLANG) $(CFLAGS) -fdebug-prefix-map="$$PWD=" -c $(FOLDER)/$< -o $@

clean:
	rm -f $(OBJECTS)

.PHONY: all clean

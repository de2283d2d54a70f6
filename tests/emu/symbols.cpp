/* symbols.cpp - reads the ELF symbol table of the program: a run time never needs it, only tests do */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/symbols.h"

#include "tests/emu/report.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <cxxabi.h>
#include <elf.h>
#include <link.h>

namespace {

struct image {
    std::string path;
    uintptr_t bias; /* what the loader added to the addresses in the file */
};

/* Finds the image that this code is a part of. */
int find_image(dl_phdr_info *info, size_t, void *result) {
    const uintptr_t here = reinterpret_cast<uintptr_t>(&find_image);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const uintptr_t first = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        if (info->dlpi_phdr[i].p_type == PT_LOAD && here >= first &&
            here - first < info->dlpi_phdr[i].p_memsz) {
            const bool program = info->dlpi_name == nullptr || info->dlpi_name[0] == '\0';
            *static_cast<image *>(result) = {program ? "/proc/self/exe" : info->dlpi_name, info->dlpi_addr};
            return 1;
        }
    }
    return 0;
}

std::vector<char> read_file(const std::string &path) {
    std::vector<char> bytes;
    FILE *file = std::fopen(path.c_str(), "rb");
    if (file != nullptr) {
        char part[65536];
        for (size_t got; (got = std::fread(part, 1, sizeof part, file)) > 0;) {
            bytes.insert(bytes.end(), part, part + got);
        }
        std::fclose(file);
    }
    return bytes;
}

struct table {
    struct function {
        uintptr_t address;
        std::string name;
    };
    std::vector<function> functions;
    std::vector<emu_range> shared;

    table();
    void take(const ElfW(Sym) & symbol, const char *name, uintptr_t bias);
};

void table::take(const ElfW(Sym) & symbol, const char *name, uintptr_t bias) {
    const int type = ELF64_ST_TYPE(symbol.st_info); /* the same bits in ELF32 */
    if (symbol.st_shndx == SHN_UNDEF) {
        return;
    }
    if (type == STT_FUNC) {
        functions.push_back({symbol.st_value + bias, name});
    } else if (type == STT_OBJECT && std::strncmp(name, "_ZZ", 3) == 0 &&
               std::strstr(name, "B10emu_shared") != nullptr) {
        shared.push_back({reinterpret_cast<char *>(symbol.st_value + bias), symbol.st_size});
    }
}

table::table() {
    image found;
    if (dl_iterate_phdr(find_image, &found) == 0) {
        emu_die("the emulation does not find itself in memory");
    }
    const std::vector<char> file = read_file(found.path);
    bool any = false;
    if (file.size() >= sizeof(ElfW(Ehdr))) {
        const auto *header = reinterpret_cast<const ElfW(Ehdr) *>(file.data());
        const auto *sections = reinterpret_cast<const ElfW(Shdr) *>(file.data() + header->e_shoff);
        for (int i = 0; i < header->e_shnum; i++) {
            if (sections[i].sh_type == SHT_SYMTAB) {
                const char *names = file.data() + sections[sections[i].sh_link].sh_offset;
                const auto *symbols =
                    reinterpret_cast<const ElfW(Sym) *>(file.data() + sections[i].sh_offset);
                for (size_t k = 0; k < sections[i].sh_size / sizeof *symbols; k++) {
                    take(symbols[k], names + symbols[k].st_name, found.bias);
                }
                any = true;
            }
        }
    }
    if (!any) {
        emu_die("%s has no symbol table (stripped?), so shared memory is not found", found.path.c_str());
    }
}

const table &symbols() {
    static const table once;
    return once;
}

} // namespace

const std::vector<emu_range> &emu_shared_variables() {
    return symbols().shared;
}

std::string emu_function_name(const void *function) {
    for (const table::function &at : symbols().functions) {
        if (at.address == reinterpret_cast<uintptr_t>(function)) {
            char *plain = abi::__cxa_demangle(at.name.c_str(), nullptr, nullptr, nullptr);
            const std::string name = plain != nullptr ? plain : at.name;
            std::free(plain);
            return name;
        }
    }
    char address[32];
    std::snprintf(address, sizeof address, "%p", function);
    return address;
}

//! Compiles the shim and links the installed PREVAIL, where the feature asks for it.

fn main() {
    #[cfg(feature = "installed")]
    installed::link();
}

#[cfg(feature = "installed")]
mod installed {
    use std::path::{Path, PathBuf};
    use std::{env, fs};

    /// The one version that the shim is written for and was tested with: PREVAIL promises no stability of
    /// its interface. It is that of the crate `prevail` that the workspace pins.
    const VERSION: &str = "0.2.6";

    /// What has to be there, below the folder that `make install` filled.
    const EXPECTED: [&str; 4] = [
        "include/prevail.hpp",
        "lib/libprevail.a",
        "lib/liblibbtf.a",
        VERSION_FILE,
    ];

    const VERSION_FILE: &str = "lib/cmake/prevail/prevailConfigVersion.cmake";

    pub(crate) fn link() {
        println!("cargo::rerun-if-env-changed=PREVAIL_DIR");
        for file in [
            "src/bridge.rs",
            "shim/shim.hpp",
            "shim/shim.cpp",
            "shim/click_platform.hpp",
        ] {
            println!("cargo::rerun-if-changed={file}");
        }
        let Some(folder) = find() else { return };
        let include = folder.join("include");
        cxx_build::bridge("src/bridge.rs")
            .file("shim/shim.cpp")
            .std("c++20")
            .include(&include)
            .include(include.join("prevail"))
            .flag_if_supported("-Wno-unused-parameter")
            .compile("prevail-shim");
        println!(
            "cargo::rustc-link-search=native={}",
            folder.join("lib").display()
        );
        println!("cargo::rustc-link-lib=static=prevail");
        println!("cargo::rustc-link-lib=static=libbtf");
        println!("cargo::rustc-env=PREVAIL_CPP_VERSION={VERSION}");
    }

    /// The folder, or one clear message.
    fn find() -> Option<PathBuf> {
        match examine(env::var_os("PREVAIL_DIR").map(PathBuf::from)) {
            Ok(folder) => {
                println!(
                    "cargo::rerun-if-changed={}",
                    folder.join("lib/libprevail.a").display()
                );
                Some(folder)
            }
            Err(missing) => {
                println!(
                    "cargo::error={missing}. The feature prevail-cpp needs an installed PREVAIL {VERSION} \
                     (built without link-time optimisation); docs/engines.md says how one is made"
                );
                None
            }
        }
    }

    fn examine(folder: Option<PathBuf>) -> Result<PathBuf, String> {
        let folder = folder.ok_or("PREVAIL_DIR is not set")?;
        for file in EXPECTED {
            if !folder.join(file).is_file() {
                return Err(format!(
                    "PREVAIL_DIR is {}, where there is no {file}",
                    folder.display()
                ));
            }
        }
        check_version(&folder)?;
        Ok(folder)
    }

    fn check_version(folder: &Path) -> Result<(), String> {
        let file =
            fs::read_to_string(folder.join(VERSION_FILE)).map_err(|error| error.to_string())?;
        let found = file.lines().find_map(|line| {
            line.strip_prefix("set(PACKAGE_VERSION \"")?
                .strip_suffix("\")")
        });
        match found {
            Some(VERSION) => Ok(()),
            Some(other) => Err(format!(
                "the PREVAIL in {} is version {other}",
                folder.display()
            )),
            None => Err(format!(
                "{VERSION_FILE} in {} names no version",
                folder.display()
            )),
        }
    }
}

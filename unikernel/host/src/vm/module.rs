//! What a machine is given: an image that knows whom to trust, and a module with everything else.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use bpf_statement::Purpose;
use bpf_trust::UnverifiedTrustBundle;
use bpf_trust::limits::MAX_TRUST_BUNDLE_SIZE;
use click_graph::limits::MAX_CONFIG_SIZE;
use click_graph::{Config, HostError, Router, Source};
use click_guest::{archive, programs, root};
use platform_click::Digest;
use platform_click::limits::MAX_OBJECT_SIZE;

use super::{VmError, VmOptions};
use crate::Error;
use crate::files::{self, ReadError};

/// Bytes of an image at most: with all its symbols it has about 3 MiB.
const MAX_IMAGE: usize = 64 << 20;

/// Bytes of a file that is added: as much as a script may read.
const MAX_ADDED: usize = 16 << 20;

/// The variable that says where the image is.
const IMAGE_VARIABLE: &str = "BPFCLICK_IMAGE";

/// Files for QEMU.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) image: PathBuf,
    pub(super) module: PathBuf,
}

/// Writes image and module into a folder.
pub(super) fn prepare(
    options: &VmOptions,
    folder: &Path,
    source: &mut Source,
) -> Result<Files, Error> {
    let mut contents = BTreeMap::new();
    let config = options.config.display().to_string();
    let bytes = files::read(&config, MAX_CONFIG_SIZE).map_err(HostError::from)?;
    let text = files::utf8(&config, bytes)?;
    *source = Source::new(config, text.as_str());
    // What is wrong with the configuration alone is said here, before anything is started.
    let router = Router::check(Config::parse(source)?)?;
    contents.insert("config.click".to_owned(), text.into_bytes());
    for request in router.programs_wanted() {
        add_program(&mut contents, options, &request.file, &request.signature)?;
    }
    for (name, file) in &options.files {
        let bytes = read(file, MAX_ADDED)?;
        contents.insert(name.clone(), bytes);
    }
    let mut image = image(options)?;
    if let Some(trust) = &options.trust {
        let bytes = read(trust, MAX_TRUST_BUNDLE_SIZE)?;
        let keys = root_keys(trust, &bytes)?;
        root::write(&mut image.1, &keys).ok_or(VmError::NotTheImage(image.0))?;
        contents.insert(programs::TRUST.to_owned(), bytes);
    }
    let module = module(&contents)?;
    let files = Files {
        image: folder.join("unikernel"),
        module: folder.join("module"),
    };
    fs::create_dir_all(folder).map_err(VmError::Folder)?;
    fs::write(&files.image, &image.1).map_err(VmError::Folder)?;
    fs::write(&files.module, module).map_err(VmError::Folder)?;
    Ok(files)
}

/// An object and its bundle, whose names are relative to the configuration's folder. A bundle that is not
/// there is for the machine to miss.
fn add_program(
    contents: &mut BTreeMap<String, Vec<u8>>,
    options: &VmOptions,
    object: &str,
    bundle: &str,
) -> Result<(), Error> {
    let folder = options.config.parent().unwrap_or_else(|| Path::new(""));
    let bytes = read(&folder.join(object), MAX_OBJECT_SIZE)?;
    contents.insert(object.to_owned(), bytes);
    let path = folder.join(bundle).display().to_string();
    match files::read_regular(&path, Purpose::Statement.max_size()) {
        Ok(bytes) => drop(contents.insert(bundle.to_owned(), bytes)),
        Err(ReadError::Absent(_)) => {}
        Err(ReadError::Other(error)) => return Err(error.into()),
    }
    Ok(())
}

fn read(path: &Path, max: usize) -> Result<Vec<u8>, Error> {
    let name = path.display().to_string();
    Ok(files::read_regular(&name, max).map_err(HostError::from)?)
}

fn root_keys(file: &Path, bytes: &[u8]) -> Result<Digest, VmError> {
    let bundle = UnverifiedTrustBundle::parse(bytes).and_then(UnverifiedTrustBundle::provision);
    let bundle = bundle.map_err(|error| VmError::Trust {
        file: file.into(),
        error,
    })?;
    Ok(bundle.root_keys().digest())
}

fn image(options: &VmOptions) -> Result<(PathBuf, Vec<u8>), Error> {
    let named = options.image.clone();
    let named = named.or_else(|| env::var_os(IMAGE_VARIABLE).map(PathBuf::from));
    let beside = || {
        let program = env::current_exe().ok()?;
        let folder = program.parent()?;
        let places = ["unikernel", "../lib/bpfclick/unikernel"];
        let mut places = places.iter().map(|place| folder.join(place));
        places.find(|place| place.is_file())
    };
    let path = named.or_else(beside).ok_or(VmError::NoImage)?;
    let bytes = read(&path, MAX_IMAGE)?;
    Ok((path, bytes))
}

/// The archive. Names that it cannot have are refused here.
fn module(contents: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, VmError> {
    let entries: Vec<(&str, &[u8])> = contents
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    let module = archive::write(&entries);
    let read = archive::Archive::parse(&module);
    let lost = |name: &&str| read.as_ref().map_or(true, |read| read.file(name).is_none());
    match entries.iter().map(|(name, _)| *name).find(lost) {
        Some(name) => Err(VmError::Name(name.to_owned())),
        None => Ok(module),
    }
}

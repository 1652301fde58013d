//! What pages point at is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The pages for people: those of the book, and those in the root of the repository.
fn pages() -> Vec<PathBuf> {
    let root = e2e::root();
    let mut pages: Vec<PathBuf> = ["", "docs", "examples", "ebpf-samples"]
        .iter()
        .flat_map(|folder| fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.sort();
    pages
}

/// The targets of Markdown links and pictures, without those on the web.
fn targets(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .filter(|target| !target.contains("://") && !target.contains(' '))
        .collect()
}

/// A heading as it is named in links.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

fn has_anchor(page: &Path, wanted: &str) -> bool {
    let text = fs::read_to_string(page).unwrap();
    let mut headings = text.lines().filter(|line| line.starts_with('#'));
    headings.any(|heading| anchor(heading) == wanted)
}

#[test]
fn links_lead_somewhere() {
    let mut dead = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let folder = page.parent().unwrap();
        for target in targets(&text) {
            let (file, place) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() {
                page.clone()
            } else {
                folder.join(file)
            };
            if !file.exists() || (!place.is_empty() && !has_anchor(&file, place)) {
                dead.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

/// A page that the table of contents does not have is never found.
#[test]
fn the_book_has_every_page() {
    let docs = e2e::root().join("docs");
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let listed: BTreeSet<&str> = targets(&summary).into_iter().collect();
    let names = pages();
    let names = names
        .iter()
        .filter_map(|page| page.strip_prefix(&docs).ok());
    let there: BTreeSet<&str> = names
        .filter_map(Path::to_str)
        .filter(|name| *name != "SUMMARY.md")
        .collect();
    assert_eq!(listed, there);
}

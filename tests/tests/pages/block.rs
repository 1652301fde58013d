//! The blocks of a page that are followed.

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Block<'page> {
    /// Commands for a shell, and the exit code of the last.
    Commands { text: &'page str, exit: i32 },
    /// What the commands before print.
    Printed { text: &'page str },
    /// A file that the reader writes.
    File { name: &'page str, text: &'page str },
}

/// The blocks of `page` in their order, without those that only show something.
pub(crate) fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("\n```") {
        let (info, after) = after.split_once('\n').unwrap_or((after, ""));
        let (text, after) = after
            .split_once("\n```")
            .unwrap_or_else(|| panic!("the block `{info}` has no end"));
        blocks.extend(block(
            info,
            text,
            matches!(blocks.last(), Some(Block::Commands { .. })),
        ));
        rest = after;
    }
    blocks
}

fn block<'page>(info: &'page str, text: &'page str, after_commands: bool) -> Option<Block<'page>> {
    if let Some((_, name)) = info.split_once(",file=") {
        return Some(Block::File { name, text });
    }
    match info {
        "sh" => Some(Block::Commands {
            text,
            exit: exit_code(text),
        }),
        "text" if after_commands => Some(Block::Printed { text }),
        _ => None,
    }
}

/// The code that is said at the end of the last line.
fn exit_code(commands: &str) -> i32 {
    let said = commands.rsplit_once("# exit ");
    said.map_or(0, |(_, code)| code.trim().parse().unwrap())
}

#[test]
fn blocks_are_found_in_their_order() {
    let page = "A page.\n\n```c,file=a.c\nint a;\n```\n\n```sh\nmake\nfalse   # exit 1\n```\n```text\nno\n```\n\
                And a picture:\n```text\n-->\n```\n";
    assert_eq!(
        blocks(page),
        [
            Block::File {
                name: "a.c",
                text: "int a;"
            },
            Block::Commands {
                text: "make\nfalse   # exit 1",
                exit: 1
            },
            Block::Printed { text: "no" },
        ]
    );
}

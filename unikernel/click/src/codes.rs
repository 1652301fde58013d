//! Diagnostics about Click configurations and the router.

platform_click::codes! {
    SYNTAX = "BPF-C001", Usage, "the configuration has a syntax error",
        "A configuration is a list of declarations (`name :: Class(arguments);`) and connections (`a [1] -> [0] b;`).";
    UNSUPPORTED = "BPF-C002", Usage, "the configuration requires a package",
        "Packages are code that Click loads at run time; here, all classes are built in (`bpfclick --list`). Leave the line out.";
    CLASS = "BPF-C003", Usage, "an element class is unknown",
        "`bpfclick --list` prints the classes that there are.";
    NAME = "BPF-C004", Usage, "an element's name is undeclared, declared twice, or that of a class",
        "Declare every element once, before it is used, under a name that is not a class.";
    ARGUMENT = "BPF-C005", Usage, "an element's arguments are wrong",
        "`bpfclick --help ELEMENT` describes the arguments of a class.";
    RESERVED = "BPF-C006", Usage, "the configuration tries to decide what is trusted",
        "Trust bundle, state directory and instance belong to the process (`bpfclick --trust FILE --state DIR`): whoever writes a configuration could otherwise bring a root of his own.";
    PORT = "BPF-C007", Usage, "a port does not exist, is not connected, or is connected twice",
        "Every port up to the highest one in use needs a connection; a push output and a pull input take exactly one.";
    PROCESSING = "BPF-C008", Usage, "a push port is connected to a pull port",
        "Put an element that stores packets between them.";
    LIMIT = "BPF-C009", Usage, "the configuration is too large",
        "The limits are those of `click_graph::limits`.";
    HANDLER = "BPF-C010", Usage, "a handler does not exist, or cannot be used so",
        "A handler is named `element.handler`; `element.handlers` lists them.";
    NO_TRUST = "BPF-C011", Usage, "the process has no trust bundle or no state directory",
        "Elements that run programs need both: `bpfclick --trust FILE --state DIR`. `bpfsign state init` makes the directory.";
    UNREADABLE = "BPF-C012", Input, "an input file cannot be read",
        "Check that the file exists, is a regular file and may be read.";
    DUMP = "BPF-C013", Input, "a capture file is malformed or truncated",
        "FromDump reads pcap files of both byte orders, with microseconds or nanoseconds. `editcap -F pcap` converts others. A file that ends within a packet was cut short: copy or record it again.";
    WRITE = "BPF-C014", Io, "an output file cannot be written",
        "Check the folder, its permissions and the free space.";
    LOOP = "BPF-C015", Usage, "a packet goes round in the configuration",
        "Every way round a cycle of connections must at some point lead out of it.";
    QUARANTINE = "BPF-C016", Internal, "a program did what its proof excludes, or ran out of fuel too often",
        "The element drops everything until the process starts again. Keep object, bundle and traffic: a proof was wrong, or the fuel of the platform is too little for the program.";
    REPLACE = "BPF-C017", Usage, "a program cannot be replaced",
        "Only elements that run programs take another one, one after the other, and only while the router runs. What ran before goes on.";
    DEVICE = "BPF-C018", Io, "a device cannot be opened, or failed",
        "`bpfclick --help FromDevice` names the devices. Interfaces need the capability CAP_NET_RAW, TAP interfaces CAP_NET_ADMIN; both belong to root.";
    UNAUTHENTICATED = "BPF-C019", Policy, "an element obeys whoever can send it a packet",
        "Control with ALLOW_UNAUTHENTICATED true is there for those who come from MorphOS. Leave it out where anybody else can reach the device.";
    COMPOUND = "BPF-C020", Usage, "a compound element is wrong",
        "A compound element is `elementclass Name { $parameter, KEYWORD $other | statements || another variant }`; its statements use every port of `input` and `output` up to the highest.";
}

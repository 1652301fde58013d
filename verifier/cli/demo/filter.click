// What leaves goes to neither the unwanted port nor beyond the rate.
FromDump(in.pcap, STOP true)
    -> in :: Counter
    -> port :: BPFFilter(ID 1, FILE target-port.o, SIGNATURE target-port.o.bpfsig)
    -> rate :: BPFFilter(ID 2, FILE rate-limiter.o, SIGNATURE rate-limiter.o.bpfsig)
    -> out :: Counter
    -> ToDump(out.pcap);

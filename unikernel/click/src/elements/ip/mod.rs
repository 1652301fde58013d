//! Elements that are about IP.

pub(super) mod check_ip_header;
pub(super) mod dec_ip_ttl;
pub(super) mod filter;
pub(super) mod fix_ip_src;
pub(super) mod get_ip_address;
pub(super) mod ip_encap;
pub(super) mod ip_fragmenter;
pub(super) mod ip_gw_options;
pub(super) mod ip_input_combo;
pub(super) mod ip_lookup;
pub(super) mod ip_mirror;
pub(super) mod ip_output_combo;
pub(super) mod ip_print;
pub(super) mod ip_reassembler;
pub(super) mod mark_ip_header;
mod routes;
pub(super) mod set_ip_address;
pub(super) mod set_ip_checksum;

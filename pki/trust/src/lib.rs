//! Certificate profile, chain validation and trust bundles.

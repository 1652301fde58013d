//! End-to-end tests, attacks and the verdict corpus.

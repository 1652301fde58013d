//! The Click router: language, elements and graph.

//! The control channel of an instance, for both sides, without sockets, clocks or keys of its own.
//!
//! | type | is |
//! |---|---|
//! | [`Server`] | the instance's side: packets in, packets out, and now and then an [`Event`] |
//! | [`Client`] | the operator's side: what to send, until the reply is there |
//! | [`Authority`] | who decides whether a signature counts; [`TrustAuthority`] by a trust bundle |
//! | [`Tree`], [`Assembly`] | contents in parts, each of which can be checked alone |
//!
//! Time since some start is passed in, in milliseconds; so are the sender's address and what is random.
//! Nothing that arrives is kept unless it is a part of something that was asked for, and what cannot be
//! authenticated is only counted: see [`Server::receive`] for the order of the checks.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![deny(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]

extern crate alloc;

mod authority;
mod bucket;
mod client;
pub mod codes;
mod cookie;
mod error;
pub mod limits;
mod packet;
mod server;
mod transfer;
mod tree;

pub use authority::{Authority, TrustAuthority};
pub use client::{Client, ClientError, Progress, Welcome};
pub use cookie::Peer;
pub use error::ControlError;
pub use packet::MAX_PACKET;
pub use server::{
    Command, Counts, Event, Failure, Identity, Refused, ReplySigner, Server, TransferId,
};
pub use tree::{Assembly, Tree, TreeError};

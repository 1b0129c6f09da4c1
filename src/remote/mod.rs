//! A server as the client sees it: the authority's calls, over HTTP.

pub mod workload;

//! Kubeconfigs of every kind, set up and undone.

mod any;
mod desk;
mod edit;
mod kuberc;
mod rewritten;

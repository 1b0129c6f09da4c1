//! Kubeconfigs of every kind, set up and undone.

mod desk;
mod edit;
mod kuberc;
mod rewritten;

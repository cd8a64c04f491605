//! What any front end needs: commands in, frames out, history, permalinks.

pub mod frame;

//! The panels of the page. They show, they do not decide.

pub mod chaos;
pub mod decision;
pub mod dock;
pub mod editor;
pub mod events;
pub mod help;
pub mod inspector;
pub mod lesson;
pub mod scenarios;
pub mod share;
pub mod stage;
pub mod state;
pub mod terminal;
pub mod timeline;
pub mod top;

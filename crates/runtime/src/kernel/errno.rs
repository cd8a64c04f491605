//! Why a system call failed, in the words of the C library.

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Errno {
    #[error("No such file or directory")]
    NotFound,
    #[error("Permission denied")]
    Access,
    #[error("Operation not permitted")]
    NotPermitted,
    #[error("File exists")]
    Exists,
    #[error("Is a directory")]
    IsDirectory,
    #[error("Not a directory")]
    NotDirectory,
    #[error("Directory not empty")]
    NotEmpty,
    #[error("Read-only file system")]
    ReadOnly,
    #[error("No space left on device")]
    NoSpace,
    #[error("Too many levels of symbolic links")]
    Loop,
    #[error("Bad file descriptor")]
    BadDescriptor,
    #[error("Invalid argument")]
    Invalid,
    #[error("Resource temporarily unavailable")]
    Again,
    #[error("Exec format error")]
    ExecFormat,
    #[error("No such process")]
    NoProcess,
    #[error("Device or resource busy")]
    Busy,
    #[error("Argument list too long")]
    TooLong,
    #[error("Address already in use")]
    AddressInUse,
    #[error("File too large")]
    TooLarge,
}

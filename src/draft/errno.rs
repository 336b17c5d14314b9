//! Error numbers by name: `asm-generic/errno.h`, which x86, arm64 and riscv64 share.

/// The largest error number that a system call can return (`MAX_ERRNO`, `linux/err.h`).
pub const MAX: u16 = 4095;

/// The number of an error's name, `EPERM` for one.
pub fn number(name: &str) -> Option<u16> {
    let name = match name {
        "EWOULDBLOCK" => "EAGAIN",
        "EDEADLOCK" => "EDEADLK",
        "ENOTSUP" => "EOPNOTSUPP",
        "-" => return None,
        name => name,
    };
    let at = NAMES.split_ascii_whitespace().position(|candidate| candidate == name)?;
    u16::try_from(at + 1).ok()
}

/// The name of an error number.
pub fn name(number: u16) -> Option<&'static str> {
    let at = usize::from(number).checked_sub(1)?;
    NAMES.split_ascii_whitespace().nth(at).filter(|name| *name != "-")
}

/// All names.
pub fn names() -> impl Iterator<Item = &'static str> {
    NAMES.split_ascii_whitespace().filter(|name| *name != "-")
}

/// From 1 up; `-` where no error has the number.
const NAMES: &str = "\
EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST
EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM
ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP - ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG
EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT - EBFONT ENOSTR ENODATA ETIME ENOSR ENONET
ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG
ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE
EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE
EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN
ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL
EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD
ENOTRECOVERABLE ERFKILL EHWPOISON";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_c_librarys() {
        for (text, value) in [
            ("EPERM", libc::EPERM),
            ("ENOSYS", libc::ENOSYS),
            ("EWOULDBLOCK", libc::EWOULDBLOCK),
            ("EAFNOSUPPORT", libc::EAFNOSUPPORT),
            ("EHWPOISON", libc::EHWPOISON),
        ] {
            assert_eq!(number(text).map(i32::from), Some(value));
        }
        assert_eq!(names().filter(|text| number(text).and_then(name) != Some(*text)).count(), 0);
        assert_eq!((name(0), name(41), name(134), number("EPREM")), (None, None, None, None));
    }
}

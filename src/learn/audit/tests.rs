//! Records of Linux 6.1, 6.18 and 7.0, and some that no kernel writes.

use std::time::Instant;

use super::*;
use crate::plan::event::Kind;

/// What comes of lines of a kept log, a line each.
fn told(log: &str) -> String {
    let now = Instant::now();
    let mut gather = Gather::default();
    let mut seen = Vec::new();
    for line in log.lines() {
        seen.extend(Record::kept(line.as_bytes()).into_iter().flat_map(|record| gather.push(record, now)));
    }
    seen.extend(gather.settle(None));
    seen.iter().filter_map(|sighting| event(sighting, None)).map(|event| event.line()).collect()
}

const HEAD: &str =
    "audit: type=1326 audit(1795545631.966:4320): auid=4294967295 uid=1002 gid=1002 ses=4294967295 pid=16622";

#[test]
fn filters_answers_are_told_by_name() {
    let log = format!(
        "[32394.782998] {HEAD} comm=\"probe\" exe=\"/tmp/probe\" sig=31 arch=40000003 syscall=20 compat=1 ip=0x4016cc \
         code=0x80000000\n\
         {HEAD} comm=\"probe\" exe=\"/tmp/probe\" sig=31 arch=c000003e syscall=1073741863 compat=0 ip=0x443ab9 code=0x80000000\n\
         Nov 24 18:00:00 host kernel: [12.5] {HEAD} subj=unconfined comm=\"nginx\" exe=\"/usr/sbin/nginx\" sig=0 arch=c000003e \
         syscall=41 compat=0 ip=0x7f code=0x7ffc0000\n\
         type=SECCOMP msg=audit(1795545631.966:4321): auid=4294967295 uid=0 gid=0 ses=1 pid=7 comm=\"x\" exe=\"/x\" sig=0 \
         arch=c000003e syscall=101 compat=0 ip=0x7f code=0x50000\n\
         {HEAD} comm=\"s\" exe=\"/s\" sig=9 arch=c000003e syscall=12 compat=0 ip=0x1 code=0x0\n\
         {HEAD} comm=\"s\" exe=\"/s\" sig=0 arch=c00000b7 syscall=56 compat=0 ip=0x1 code=0x7ffc0000\n\
         {HEAD} comm=\"s\" exe=\"/s\" sig=0 arch=deadbeef syscall=56 compat=0 ip=0x1 code=0x7ffc0000\n\
         {HEAD} comm=\"s\" exe=\"/s\" sig=0 arch=c000003e syscall=99999 compat=0 ip=0x1 code=0x30000\n"
    );
    let expected = "\
stockade: denied: 16622 (probe) called getpid: SIGSYS, the process's filter answers with kill-process
stockade: denied: 16622 (probe) called getpid: SIGSYS, the process's filter answers with kill-process
stockade: logged: 16622 (nginx) called socket: the process's filter answers with log
stockade: denied: 16622 (s) called brk: SIGKILL, strict mode kills
stockade: logged: 16622 (s) called openat: the process's filter answers with log
stockade: logged: 16622 (s) called system call 56 of architecture 0xdeadbeef: the process's filter answers with log
stockade: denied: 16622 (s) called system call 99999: SIGSYS, the process's filter answers with trap
stockade: denied: 7 (x) called ptrace: the process's filter answers with an error
";
    assert_eq!(told(&log), expected);
}

#[test]
fn arguments_are_told_where_calls_are_audited() {
    let log = format!(
        "{HEAD} comm=\"c\" exe=\"/c\" sig=0 arch=c000003e syscall=41 compat=0 ip=0x7f code=0x7ffc0000\n\
         audit: type=1300 audit(1795545631.966:4320): arch=c000003e syscall=41 success=yes exit=3 a0=2 a1=80001 a2=0 a3=7ffd \
         items=0 ppid=1 pid=16622 comm=\"c\" exe=\"/c\" key=(null)\n"
    );
    assert_eq!(
        told(&log),
        "stockade: logged: 16622 (c) called socket(2, 524289, 0, 0x7ffd): the process's filter answers with log\n"
    );
}

#[test]
fn landlock_is_told_with_its_process() {
    let log = "\
audit: type=1423 audit(1795546993.307:2): domain=1d512e012 blockers=fs.read_file path=\"/etc/shadow\" dev=\"vda\" ino=385
audit: type=1424 audit(1795546993.307:2): domain=1d512e012 status=allocated mode=enforcing pid=141 uid=0 exe=\"/usr/bin/python3.11\" comm=\"python3\"
audit: type=1300 audit(1795546993.307:2): arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c a1=7fcd29e09df0 a2=80000 a3=0 items=0 ppid=137 pid=142 comm=\"python3\" exe=\"/usr/bin/python3.11\" subj=unconfined key=(null)
audit: type=1327 audit(1795546993.307:2): proctitle=707974686F6E33007265632E7079
audit: type=1320 audit(1795546993.307:2):
audit: type=1423 audit(1795546993.335:5): domain=1d512e012 blockers=fs.remove_file,fs.refer path=\"/etc\" dev=\"vda\" ino=29
audit: type=1423 audit(1795546993.335:5): domain=1d512e012 blockers=fs.make_reg,fs.refer path=2F746D702F612062 dev=\"vda\" ino=479
type=UNKNOWN[1423] msg=audit(1795546993.379:11): domain=1d512e012 blockers=net.bind_tcp src=8080
audit: type=1423 audit(1795546993.379:12): domain=1d512e012 blockers=net.connect_tcp daddr=127.0.0.1 dest=80
audit: type=1423 audit(1795546993.391:13): domain=1d512e012 blockers=scope.signal opid=1 ocomm=\"sh\"
audit: type=1424 audit(1795546993.427:14): domain=1d512e012 status=deallocated denials=12
audit: type=1423 audit(1795546993.991:15): domain=1d512e012 blockers=fs.execute path=\"/bin/x\" dev=\"vda\" ino=1
";
    let expected = "\
stockade: denied: 142 (python3) called openat(-100, 0x7fcd29e09df0, 524288, 0x0): EACCES, Landlock refuses read-file at /etc/shadow
stockade: denied: 141 (python3) called something that takes remove-file, refer: EACCES, Landlock refuses remove-file, refer at /etc
stockade: denied: 141 (python3) called something that takes make-reg, refer: EACCES, Landlock refuses make-reg, refer at /tmp/a b
stockade: denied: 141 (python3) called something that takes net.bind_tcp: EACCES, Landlock refuses net.bind_tcp at TCP port 8080
stockade: denied: 141 (python3) called something that takes net.connect_tcp: EACCES, Landlock refuses net.connect_tcp at TCP port 80
stockade: denied: 141 (python3) called something that takes scope.signal: EPERM, Landlock refuses scope.signal at 1 (sh)
stockade: denied: a process called something that takes execute: EACCES, Landlock refuses execute at /bin/x
";
    assert_eq!(told(log), expected);
}

#[test]
fn names_that_lie_are_names() {
    // `x" pid=1 comm="init`, with a line end.
    let name = "782220706964203D31200A636F6D6D3D22696E6974";
    let log = format!(
        "{HEAD} comm={name} exe=2F746D702F0A78 sig=0 arch=c000003e syscall=39 compat=0 ip=0x1 code=0x7ffc0000\n"
    );
    assert_eq!(
        told(&log),
        "stockade: logged: 16622 (x\" pid =1 ?comm=\"init) called getpid: the process's filter answers with log\n"
    );
    // A second field of a name is somebody's words.
    let log = format!(
        "{HEAD} comm=\"x\" pid=1 syscall=1 exe=\"/x\" sig=0 arch=c000003e syscall=39 pid=2 compat=0 ip=0x1 code=0x7ffc0000 \
         code=0x80000000\n"
    );
    assert!(told(&log).starts_with("stockade: logged: 16622 (x) called write:"), "{}", told(&log));
}

#[test]
fn what_is_no_record_is_nothing() {
    let whole = format!("{HEAD} comm=\"x\" exe=\"/x\" sig=0 arch=c000003e syscall=39 compat=0 ip=0x1 code=0x7ffc0000");
    assert_eq!(told(&whole).lines().count(), 1);
    // Cut anywhere it is told of less, and never of anything else.
    for end in 0..whole.len() {
        let told = told(&whole[..end]);
        assert!(told.is_empty() || told.contains("called getpid") || told.contains("called read"), "{end} {told}");
    }
    for line in [
        "",
        "audit: type=1326",
        "audit: type=1326 audit(): ",
        "audit: type=1326 audit(1.2:3)",
        "audit: type=99999999999 audit(1.2:3): pid=1",
        "audit: type=1326 audit(99999999999999999999.2:3): pid=1",
        "audit: type=1326 audit(1.2:3): arch=zz syscall=39 code=0x7ffc0000",
        "audit: type=1326 audit(1.2:3): arch=c000003e syscall=-1 code=0x7ffc0000",
        "audit: type=1326 audit(1.2:3): arch=1c000003e syscall=39 code=0x7ffc0000",
        "audit: type=1423 audit(1.2:3): blockers=\"fs.read_file\" path=\"/x\"",
        "type=USER_LOGIN msg=audit(1.2:3): arch=c000003e syscall=39 code=0x7ffc0000",
    ] {
        assert_eq!(told(line), "", "{line}");
    }
    let long = format!("{HEAD} comm={} sig=0 arch=c000003e syscall=39 code=0x7ffc0000", "41".repeat(1 << 20));
    assert_eq!(told(&long), "");
}

#[test]
fn only_the_kernel_speaks_for_the_kernel() {
    let text = "audit: type=1326 audit(1.2:3): pid=5 arch=c000003e syscall=39 code=0x7ffc0000";
    assert!(Record::kernel(format!("5,1339,5140900,-;{text}\n SUBSYSTEM=x\n").as_bytes()).is_some());
    // Facility 1 is a user's, and a record does not begin within a line.
    for line in [format!("13,1339,5140900,-;{text}"), format!("5,1339,5140900,-;x {text}"), text.to_owned(), ";".into()]
    {
        assert_eq!(Record::kernel(line.as_bytes()), None, "{line}");
    }
    let journal = |transport: &str, message: &str| {
        let line = serde_json::json!({
            "_TRANSPORT": transport, "MESSAGE": message, "_AUDIT_TYPE": "1326", "_AUDIT_ID": "7",
            "_SOURCE_REALTIME_TIMESTAMP": "1795545631966000",
        });
        Record::journal(line.to_string().as_bytes())
    };
    let record =
        journal("audit", "SECCOMP auid=1 pid=5 comm=\"x\" arch=c000003e syscall=39 code=0x7ffc0000").expect("a record");
    assert_eq!((record.stamp, record.number("pid")), ((1_795_545_631, 966, 7), Some(5)));
    assert!(journal("kernel", text).is_some());
    for transport in ["stdout", "syslog", "journal"] {
        assert_eq!(journal(transport, text), None, "{transport}");
    }
}

#[test]
fn events_wait_for_their_end_and_not_for_ever() {
    let now = Instant::now();
    let record = |serial: u64| {
        Record::message(1326, format!("audit(1.2:{serial}): pid=5 arch=c000003e syscall=39 code=0x7ffc0000").as_bytes())
            .expect("a record")
    };
    let mut gather = Gather::default();
    assert!(gather.push(record(1), now).is_empty());
    assert!(gather.settle(Some(now)).is_empty());
    assert_eq!(gather.settle(Some(now + Duration::from_secs(1))).len(), 1);
    assert!(gather.settle(None).is_empty());
    let mut found = 0;
    for serial in 0..10_000 {
        found += gather.push(record(serial), now).len();
    }
    assert!(found > 5000, "{found}");
    assert_eq!(found + gather.settle(None).len(), 10_000);
}

#[test]
fn what_was_let_through_is_logged() {
    let record = Record::kept(format!("{HEAD} arch=c000003e syscall=39 code=0x7fc00000").as_bytes()).expect("a record");
    let mut gather = Gather::default();
    assert!(gather.push(record, Instant::now()).is_empty());
    let seen = gather.settle(None);
    assert_eq!(event(&seen[0], None).map(|event| event.kind), Some(Kind::Logged));
}

//! Section 7: the closing handshake (RFC 6455 §5.5.1, §7).

use gateway_tests::Frame;

use crate::case::{Case, Pace, section, text};

const HELLO: &str = "Hello, world!";

#[tokio::test]
async fn section_7_close() {
    let mut cases = behind_a_close();
    let close = |payload: &[u8]| Frame::new(Frame::CLOSE, payload);
    let reason = |length: usize| Frame::close(1000, "*".repeat(length));
    let sent = |name: &str, frame| Case::new(name).sends(Pace::AtOnce, [frame]);
    cases.extend([
        sent("7.3.1", close(&[])).answered(None),
        sent("7.3.2", close(&[3])).fails(1002),
        sent("7.3.3", close(&[3, 232])).answered(1000),
        sent("7.3.4", Frame::close(1000, HELLO)).answered(1000),
        sent("7.3.5", reason(123)).answered(1000),
        sent("7.3.6", reason(124)).fails(1002),
        sent("7.5.1", Frame::close(1000, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"))
            .fails(1007),
    ]);
    let valid = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
    for (number, code) in (1..).zip(valid) {
        cases.push(sent(&format!("7.7.{number}"), Frame::close(code, "")).answered(code));
    }
    let invalid = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];
    for (number, code) in (1..).zip(invalid) {
        cases.push(sent(&format!("7.9.{number}"), Frame::close(code, "")).fails(1002));
    }
    // Outside of what RFC 6455 §7.4.2 defines.
    for (number, code) in (1..).zip([5000, 65_535]) {
        cases.push(sent(&format!("7.13.{number}"), Frame::close(code, "")).fails(1002));
    }
    section(cases, 37).await;
}

/// Messages before a close are answered before it, messages behind it not at all.
fn behind_a_close() -> Vec<Case> {
    let close = || Frame::close(1000, "");
    let ping = || Frame::new(Frame::PING, "");
    let large = "BAsd7&jh23".repeat(26_215)[..256 * 1024].to_owned();
    vec![
        Case::new("7.1.1").sends(Pace::AtOnce, [Frame::text(HELLO)]).hears([text(HELLO)]),
        Case::new("7.1.2").sends(Pace::AtOnce, [close(), close()]).answered(1000),
        Case::new("7.1.3").sends(Pace::AtOnce, [close(), ping()]).answered(1000),
        Case::new("7.1.4").sends(Pace::AtOnce, [close(), Frame::text(HELLO)]).answered(1000),
        Case::new("7.1.5")
            .sends(
                Pace::AtOnce,
                [Frame::text("fragment1").not_last(), close(), Frame::new(Frame::CONTINUATION, "fragment2")],
            )
            .answered(1000),
        Case::new("7.1.6")
            .sends(Pace::AtOnce, [Frame::text(large.clone()), Frame::text(HELLO), close(), ping()])
            .hears([text(large), text(HELLO)])
            .answered(1000),
    ]
}

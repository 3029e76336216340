//! `ip("10.0.0.0/8")`: whether an address lies in a range, and finding addresses in a line.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ParamError;
use super::quote::quote;

/// One address, a network (`10.0.0.0/8`) or a range (`10.0.0.1-10.0.0.9`), of IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpFilter {
    first: IpAddr,
    last: IpAddr,
}

impl IpFilter {
    /// Parses what stands between the quotes.
    ///
    /// # Errors
    /// In Loki's words: `ip: invalid pattern: "…"`.
    pub fn parse(text: &str) -> Result<Self, ParamError> {
        single(text)
            .or_else(|| network(text))
            .or_else(|| range(text))
            .ok_or_else(|| ParamError(format!("ip: invalid pattern: {}", quote(text.as_bytes()))))
    }

    /// Whether an address lies in it. An IPv4 address in IPv6's clothes is an IPv6 one, as in Go.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, self.last, address) {
            (IpAddr::V4(first), IpAddr::V4(last), IpAddr::V4(address)) => (first..=last).contains(&address),
            (IpAddr::V6(first), IpAddr::V6(last), IpAddr::V6(address)) => (first..=last).contains(&address),
            _ => false,
        }
    }

    /// Whether any address in the line lies in it.
    ///
    /// Addresses are looked for as Loki does: where four bytes look like the beginning of one, the longest run of bytes that
    /// an address may have is taken for one.
    pub fn in_line(&self, line: &[u8]) -> bool {
        let mut at = 0;
        while at < line.len() {
            let rest = &line[at..];
            let run = if v4_hint(rest) {
                run(rest, |b| b.is_ascii_digit() || b == b'.')
            } else if v6_hint(rest) {
                run(rest, |b| b.is_ascii_hexdigit() || b == b'.' || b == b':')
            } else {
                at += 1;
                continue;
            };
            if address(&rest[..run]).is_some_and(|address| self.contains(address)) {
                return true;
            }
            at += run + 1;
        }
        false
    }

    /// Whether a label's value holds an address that lies in it. A value without any does not; `!=` is its opposite.
    pub fn in_value(&self, value: &str) -> bool {
        self.in_line(value.as_bytes())
    }
}

fn single(text: &str) -> Option<IpFilter> {
    let address = text.parse().ok()?;
    Some(IpFilter { first: address, last: address })
}

fn network(text: &str) -> Option<IpFilter> {
    let (address, bits) = text.split_once('/')?;
    let plain = bits.bytes().all(|b| b.is_ascii_digit()) && !(bits.len() > 1 && bits.starts_with('0'));
    let bits: u32 = bits.parse().ok().filter(|_| plain)?;
    Some(match address.parse().ok()? {
        IpAddr::V4(address) => {
            let host = u32::MAX.checked_shr(bits).unwrap_or(0);
            let first = address.to_bits() & !host;
            (bits <= 32).then_some(())?;
            IpFilter { first: Ipv4Addr::from_bits(first).into(), last: Ipv4Addr::from_bits(first | host).into() }
        }
        IpAddr::V6(address) => {
            let host = u128::MAX.checked_shr(bits).unwrap_or(0);
            let first = address.to_bits() & !host;
            (bits <= 128).then_some(())?;
            IpFilter { first: Ipv6Addr::from_bits(first).into(), last: Ipv6Addr::from_bits(first | host).into() }
        }
    })
}

fn range(text: &str) -> Option<IpFilter> {
    let (first, last) = text.split_once('-')?;
    let (first, last): (IpAddr, IpAddr) = (first.parse().ok()?, last.parse().ok()?);
    (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(IpFilter { first, last })
}

fn run(rest: &[u8], accept: impl Fn(u8) -> bool) -> usize {
    rest.iter().position(|byte| !accept(*byte)).unwrap_or(rest.len())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    // Longer is none; what is longer costs nothing.
    std::str::from_utf8(bytes).ok().filter(|text| text.len() <= 45)?.parse().ok()
}

/// A digit, and a dot within the next three bytes; a byte must follow the dot's last place, as in Loki.
fn v4_hint(rest: &[u8]) -> bool {
    matches!(rest, [first, more @ ..] if first.is_ascii_digit() && more.len() >= 3 && more[..3].contains(&b'.'))
}

/// `::` and a digit, or up to four digits and a colon.
fn v6_hint(rest: &[u8]) -> bool {
    let Some(head) = rest.get(..5) else { return false };
    let digits = head.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    (digits == 0 && head.starts_with(b"::") && head[2].is_ascii_hexdigit())
        || ((1..=4).contains(&digits) && head.get(digits) == Some(&b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> IpFilter {
        IpFilter::parse(text).expect(text)
    }

    #[test]
    fn what_lies_within() {
        for (pattern, line, found) in [
            ("10.1.2.3", "from 10.1.2.3:80", true),
            ("10.1.2.3", "from 10.1.2.30", false),
            ("10.1.2.0/24", "10.1.2.255", true),
            ("10.1.2.0/24", "10.1.3.0", false),
            ("10.1.2.77/24", "10.1.2.1", true),
            ("0.0.0.0/0", "x 8.8.8.8 y", true),
            ("10.0.0.0-10.1.255.255", "10.9.9.9 - user-21 [x] 10.1.0.1", true),
            ("10.0.0.0-10.1.255.255", "10.9.9.9 - user", false),
            ("10.0.0.1", "v1.10.0.0.1", false),
            ("10.0.0.1", "", false),
            ("10.0.0.1", "a10.0.0.1,", true),
            ("::1", "[::1] up", true),
            ("2001:db8::/32", "peer=2001:db8:0:1::5]", true),
            ("2001:db8::/32", "peer=2001:db9::5", false),
            ("::/0", "10.0.0.1", false),
            ("fe80::1-fe80::ff", "at fe80::10!", true),
        ] {
            assert_eq!(filter(pattern).in_line(line.as_bytes()), found, "{pattern} in {line}");
        }
        assert!(filter("10.1.2.0/24").in_value("10.1.2.9"));
        assert!(!filter("10.1.2.0/24").in_value("unknown"));
    }

    #[test]
    fn refused_patterns() {
        for text in ["", "x", "10.0.0", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.9-10.0.0.1", "::1-10.0.0.1", "1.2.3.4/-1"]
        {
            let words = format!("ip: invalid pattern: {text:?}");
            assert_eq!(IpFilter::parse(text), Err(ParamError(words)), "{text}");
        }
    }
}

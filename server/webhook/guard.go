package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// Guard says to which addresses messages may be sent: public ones, and those of the
// networks that the operator allows. The zero value allows only public addresses.
type Guard struct{ Allowed []netip.Prefix }

// ParseNetworks reads the networks of a setting.
func ParseNetworks(texts []string) (all []netip.Prefix, err error) {
	for _, text := range texts {
		p, one := netip.ParsePrefix(text)
		if one != nil || p != p.Masked() {
			err = errors.Join(err, fmt.Errorf("webhook network %q: want an address and the length of the prefix, such as 10.1.0.0/16", text))
		}
		all = append(all, p)
	}
	return all, err
}

// special are the networks that are not public, from the registries of special-purpose
// addresses of IANA. In IPv6, everything outside of 2000::/3 is not public either: that
// covers mapped addresses, NAT64 and local ones.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001::/23"), // Teredo and others
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // 6to4
	netip.MustParsePrefix("3fff::/20"),
}

var globalUnicast = netip.MustParsePrefix("2000::/3")

// Admits reports whether a message may be sent to an address. An IPv4 address inside of
// an IPv6 address counts as IPv6.
func (g *Guard) Admits(addr netip.Addr) bool {
	in := func(p netip.Prefix) bool { return p.Contains(addr) }
	switch {
	case !addr.IsValid() || addr.Zone() != "":
		return false
	case slices.ContainsFunc(g.Allowed, in):
		return true
	case addr.Is6() && !in(globalUnicast):
		return false
	}
	return !slices.ContainsFunc(special, in)
}

// errRefused says that an address is not one to send to.
var errRefused = errors.New("the address is not one to send messages to")

// control checks the address that is dialled, after the name was resolved.
func (g *Guard) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !g.Admits(at.Addr()) {
		return errRefused
	}
	return nil
}

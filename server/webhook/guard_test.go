package webhook

import (
	"net/netip"
	"testing"
)

func TestMessagesGoOnlyToPublicAddresses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.1.2.3", "169.254.169.254",
		"172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
		"203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8",
		"64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378::1", "2001:10::1", "2001:20::1", "2001:db8::1",
		"2002:7f00:1::1", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "2606:4700::1%eth0", "fec0::1", "ff02::1", "ff0e::1",
	} {
		if (&Guard{}).Admits(netip.MustParseAddr(text)) {
			t.Errorf("%s is admitted", text)
		}
	}
	for _, text := range []string{"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.167.0.1", "223.255.255.254", "2606:4700::1111", "2001:4860:4860::8888", "2a00:1450::1"} {
		if !(&Guard{}).Admits(netip.MustParseAddr(text)) {
			t.Errorf("%s is not admitted", text)
		}
	}
	if (&Guard{}).Admits(netip.Addr{}) {
		t.Error("no address is admitted")
	}
}

func TestTheOperatorAllowsNetworks(t *testing.T) {
	t.Parallel()
	networks, err := ParseNetworks([]string{"10.1.0.0/16", "fd00::/8", "127.0.0.1/32"})
	if err != nil {
		t.Fatal(err)
	}
	g := &Guard{networks}
	for text, want := range map[string]bool{
		"10.1.2.3": true, "10.2.0.1": false, "fd00::1": true, "fc00::1": false, "127.0.0.1": true, "127.0.0.2": false, "::ffff:10.1.2.3": false, "8.8.8.8": true,
	} {
		if got := g.Admits(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is admitted: %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{"10.1.2.3", "10.1.2.3/16", "all", "", "10.0.0.0/33"} {
		if _, err := ParseNetworks([]string{text}); err == nil {
			t.Errorf("%q is a network", text)
		}
	}
}

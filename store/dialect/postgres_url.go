package dialect

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/lib/pq"

	"resellerd/store/fault"
)

// isKeywords finds addresses in the other form of libpq, such as "host=a,b port=1,2".
var isKeywords = regexp.MustCompile(`^[a-z_]+ *=`)

// postgresConfig reads an address as libpq does, with one or several hosts. It returns
// ErrInvalid for an address that names a host that cannot exist. Of several hosts, none
// may be empty: the driver would connect to this machine.
func postgresConfig(address string) (pq.Config, error) {
	invalid := fault.Invalid("database", "has no valid address")
	address, ok := hostsInQuery(address)
	if !ok {
		return pq.Config{}, invalid
	}
	config, err := pq.NewConfig(address)
	if err != nil {
		return pq.Config{}, invalid
	}
	hosts := []string{config.Host}
	for _, m := range config.Multi {
		hosts = append(hosts, m.Host)
	}
	if len(hosts) > 1 && slices.Contains(hosts, "localhost") && !strings.Contains(address, "localhost") {
		return pq.Config{}, invalid // an empty host
	}
	for _, host := range hosts {
		if _, err := netip.ParseAddr(host); err != nil && !strings.HasPrefix(host, "/") && strings.ContainsAny(host, ":,[] ") {
			return pq.Config{}, invalid
		}
	}
	return config, nil
}

// hostsInQuery rewrites an address with several hosts before its path, such as
// postgres://a:1,b/db, to the only form in which the driver reads them:
// postgres:///db?host=a,b&port=1,5432. Other addresses stay unchanged. It returns
// false for an address that is no URL, or that names its hosts in both places.
func hostsInQuery(address string) (string, bool) {
	scheme, rest, _ := strings.Cut(address, "://")
	end := strings.IndexAny(rest+"/", "/?")
	login, list := "", rest[:end]
	if i := strings.LastIndex(list, "@"); i >= 0 {
		login, list = list[:i+1], list[i+1:]
	}
	if !strings.Contains(list, ",") {
		return address, true
	}
	var hosts, ports []string
	for one := range strings.SplitSeq(list, ",") {
		host, port, err := net.SplitHostPort(one)
		if err != nil {
			host, port = strings.Trim(one, "[]"), "5432"
		}
		hosts, ports = append(hosts, host), append(ports, port)
	}
	u, err := url.Parse(scheme + "://" + login + rest[end:])
	if err != nil {
		return "", false
	}
	query := u.Query()
	if query.Has("host") || query.Has("hostaddr") || query.Has("port") {
		return "", false
	}
	query.Set("host", strings.Join(hosts, ","))
	query.Set("port", strings.Join(ports, ","))
	u.RawQuery = query.Encode()
	return u.String(), true
}

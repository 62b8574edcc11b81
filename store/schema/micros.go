package schema

import "time"

// Micros is a time in the form of the database: microseconds since 1970 in
// UTC. 0 means no time.
type Micros int64

// Time returns the same moment as a time.Time in UTC, or the zero time for 0.
func (m Micros) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(m)).UTC()
}

// MicrosOf returns the moment t, truncated to microseconds, or 0 for the zero
// time.
func MicrosOf(t time.Time) Micros {
	if t.IsZero() {
		return 0
	}
	return Micros(t.UnixMicro())
}

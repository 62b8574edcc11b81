package schema

import "time"

// Micros is a time as the database keeps it: microseconds since 1970 in UTC.
// 0 stands for none.
type Micros int64

// Time is the same moment as a time.Time in UTC, the zero time for none.
func (m Micros) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(m)).UTC()
}

// MicrosOf is the moment t, cut to microseconds; 0 for the zero time.
func MicrosOf(t time.Time) Micros {
	if t.IsZero() {
		return 0
	}
	return Micros(t.UnixMicro())
}

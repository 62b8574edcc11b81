package cardfile

import "resellerd/store/rating"

// seen records the prefixes of a file. It needs 24 bytes per slot, used or
// free. It consists of many small tables, so that growing one of them is
// cheap.
type seen struct {
	shards [256]shard
}

type shard struct {
	slots []slot
	used  int
}

// slot records a prefix of the file. A free slot has the Prefix 0.
type slot struct {
	prefix rating.Prefix
	sum    uint64 // hash of the rest of the row, without the name
	line   uint32 // number of its place
	date   uint16 // index of its date
	name   uint16 // hash of the name
}

// scatter spreads prefixes evenly over the tables, because they are dense.
func scatter(p rating.Prefix) uint64 {
	h := uint64(p) * 0x9E3779B97F4A7C15
	h ^= h >> 32
	return h * 0xD6E8FEB86659FD93
}

// put returns the slot of a prefix, or fills a free slot with s. The pointer
// is valid until the next put.
func (t *seen) put(s slot) (there *slot, found bool) {
	h := scatter(s.prefix)
	sh := &t.shards[h>>56]
	if (sh.used+1)*8 > len(sh.slots)*7 {
		sh.grow()
	}
	at := sh.find(s.prefix, h)
	if at.prefix != 0 {
		return at, true
	}
	sh.used++
	*at = s
	return at, false
}

func (sh *shard) find(p rating.Prefix, h uint64) *slot {
	n := uint64(len(sh.slots))
	for i := (h & (1<<56 - 1)) % n; ; i = (i + 1) % n {
		if at := &sh.slots[i]; at.prefix == 0 || at.prefix == p {
			return at
		}
	}
}

func (sh *shard) grow() {
	old := sh.slots
	sh.slots = make([]slot, len(old)+len(old)/2+16)
	for _, s := range old {
		if s.prefix != 0 {
			*sh.find(s.prefix, scatter(s.prefix)) = s
		}
	}
}

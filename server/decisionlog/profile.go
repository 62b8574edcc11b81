package decisionlog

// Profile is a text that many entries refer to by its hash: the facts about a user, the
// access that a change gives or takes, or a long answer. The log writes it as a record
// before the first entry that refers to it, and again in each file, so that each file can
// be read alone.
type Profile struct {
	Hash   string
	Record []byte // a JSON object that begins with {"event":"profile", {"event":"access" or {"event":"answer"
}

// Profiles are what one entry refers to; nil for nothing. They are the facts about its
// user, the access before and after a change, the access that the user holds, and the
// answer.
type Profiles [5]*Profile

// profiles are the profiles that a reader of the present file has seen.
type profiles struct {
	hashes map[string]bool
	behind int // entries since the set was empty
}

// The log forgets which profiles it has written after profileEntries entries on a
// stream, because a reader may join late, and after maxProfiles profiles.
const (
	profileEntries = 10_000
	maxProfiles    = 10_000
)

// begin prepares for the next entries. It forgets the profiles if those entries are in
// a new file, or if it is time.
func (p *profiles) begin(entries int, fresh, stream bool) {
	if fresh || p.hashes == nil || len(p.hashes) >= maxProfiles || stream && p.behind+entries > profileEntries {
		p.hashes, p.behind = map[string]bool{}, 0
	}
}

// mark is a line of the text that is written at once: an entry, a profile, or another
// record.
type mark struct {
	end     int // where the line ends
	entry   bool
	profile string // the profile's hash
}

// counted takes the lines that were written into account, and returns how many of
// them are entries.
func (p *profiles) counted(written []mark) (entries int) {
	for _, m := range written {
		if m.entry {
			entries++
		}
		if m.profile != "" {
			p.hashes[m.profile] = true
		}
	}
	p.behind += entries
	return entries
}

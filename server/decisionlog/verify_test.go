package decisionlog

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// sample is a sound log of 20 lines: a record, 18 entries, a record.
func sample(t testing.TB) []string {
	t.Helper()
	d := &disk{room: -1}
	l, err := Open((&tally{}).options(Options{Out: d, Sync: true, Key: testKey}))
	must(t, err)
	for i := range 18 {
		must(t, l.Add(Entry{Line: entry(i)}))
	}
	must(t, l.Close())
	return slices.Collect(strings.Lines(d.String()))
}

func swap(lines []string, i, j int) []string {
	lines = slices.Clone(lines)
	lines[i], lines[j] = lines[j], lines[i]
	return lines
}

func without(lines []string, from, to int) []string {
	return slices.Delete(slices.Clone(lines), from, to)
}

func with(lines []string, at int, more ...string) []string {
	return slices.Insert(slices.Clone(lines), at, more...)
}

// forged returns a line for a position in the chain, sealed without the key.
func forged(t testing.TB, like string, seq uint64) string {
	t.Helper()
	s, err := open([]byte(strings.TrimSuffix(like, "\n")))
	must(t, err)
	c := newChain(Key{}, link{id: s.id, seq: seq - 1, mac: s.mac})
	return string(c.seal(nil, []byte(`{"decision_id":"forged"}`)))
}

func TestTamperingIsFoundWithItsLine(t *testing.T) {
	lines := sample(t)
	other := sample(t)
	for name, x := range map[string]struct {
		lines []string
		want  string // kind line, kind line
	}{
		"nothing":                          {lines, ""},
		"an entry changed":                 {append(with(lines[:5:5], 5, strings.Replace(lines[5], `"D4"`, `"D9"`, 1)), lines[6:]...), "changed 6"},
		"a record changed":                 {append([]string{strings.Replace(lines[0], "started", "Started", 1)}, lines[1:]...), "changed 1"},
		"a mac changed":                    {append(with(lines[:5:5], 5, lines[5][:len(lines[5])-9]+"00000"+lines[5][len(lines[5])-4:]), lines[6:]...), "changed 6, changed 7"},
		"one removed":                      {without(lines, 5, 6), "removed 6"},
		"five removed":                     {without(lines, 5, 10), "removed 6"},
		"the first removed":                {without(lines, 0, 1), "cut off 1"},
		"the beginning removed":            {without(lines, 0, 4), "cut off 1"},
		"neighbours swapped":               {swap(lines, 5, 6), "reordered 6"},
		"two swapped":                      {swap(lines, 5, 9), "reordered 7, reordered 8, reordered 9, reordered 10"},
		"one moved to the end":             {append(without(lines, 5, 6), lines[5]), "reordered 20"},
		"one moved up":                     {with(without(lines, 15, 16), 3, lines[15]), "reordered 4"},
		"one written twice":                {with(lines, 6, lines[5]), "duplicated 7"},
		"one written again later":          {with(lines, 15, lines[5]), "duplicated 16"},
		"a forged entry put in":            {with(lines, 6, forged(t, lines[5], 7)), "inserted 7"},
		"a forged entry from ahead put in": {with(lines, 6, forged(t, lines[5], 12)), "inserted 7"},
		"a forged entry for a removed one": {append(with(lines[:6:6], 6, forged(t, lines[5], 7)), lines[7:]...), "changed 7, changed 8"},
		"a line put in":                    {with(lines, 6, "hello\n"), "inserted 7"},
		"an unchained entry put in":        {with(lines, 6, `{"decision_id":"x"}`+"\n"), "inserted 7"},
		"an empty line put in":             {with(lines, 6, "\n"), "inserted 7"},
		"another chain's line put in":      {with(lines, 6, other[8]), "inserted 7"},
		"another chain's record put in":    {with(lines, 6, other[19]), "inserted 7"},
		"the last line not whole":          {append(lines[:19:19], lines[19][:40]), "cut off 20"},
		"a line not whole":                 {append(with(lines[:5:5], 5, lines[5][:40]+"\n"), lines[6:]...), "inserted 6, removed 7"},
		"only the middle":                  {lines[5:9], "cut off 1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := verified(t, []Key{testKey}, strings.Join(x.lines, ""))
			var got []string
			for _, f := range r.Findings {
				got = append(got, fmt.Sprint(f.Kind, " ", f.Line))
			}
			slices.Sort(got)
			want := strings.Split(x.want, ", ")
			if slices.Sort(want); strings.Join(got, ", ") != strings.Join(want, ", ") {
				t.Errorf("found %v, want %v", r.Findings, x.want)
			}
		})
	}
}

func TestAnotherRunOnTheSameStreamBeginsAnotherChain(t *testing.T) {
	if r := verified(t, []Key{testKey}, strings.Join(append(sample(t), sample(t)...), "")); !r.Sound() || len(r.Spans) != 2 {
		t.Errorf("%+v", r)
	}
}

// Every change of a log except cutting off its end is found, and all lines that are
// reported as intact were really written.
func TestAnyTamperingIsFound(t *testing.T) {
	lines := sample(t)
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 2))
		tampered := slices.Clone(lines)
		for range 1 + random.IntN(3) {
			tampered = tamper(random, tampered)
		}
		text := strings.Join(tampered, "")
		if strings.HasPrefix(strings.Join(lines, ""), text) && !strings.HasSuffix(text, "}") {
			continue // only the end is cut off or nothing is changed; checkpoints cover that
		}
		v := NewVerifier(testKey)
		if err := v.Read("log", strings.NewReader(text)); err != nil {
			continue // the first record names another key
		}
		r := v.Finish()
		if r.Sound() && text+"\n" != strings.Join(lines, "")[:min(len(text)+1, len(strings.Join(lines, "")))] {
			t.Fatalf("seed %d: not found in\n%s", seed, text)
		}
		if r.Intact > len(lines) {
			t.Fatalf("seed %d: %d lines intact of %d", seed, r.Intact, len(lines))
		}
	}
}

func tamper(random *rand.Rand, lines []string) []string {
	if len(lines) < 2 {
		return lines
	}
	i, j := random.IntN(len(lines)), random.IntN(len(lines))
	switch random.IntN(5) {
	case 0:
		return without(lines, i, i+1)
	case 1:
		return swap(lines, i, j)
	case 2:
		return with(lines, i, lines[j])
	case 3:
		return with(without(lines, i, i+1), random.IntN(len(lines)), lines[i])
	default:
		text := []byte(lines[i])
		if len(text) > 0 {
			text[random.IntN(len(text))] ^= byte(1 + random.IntN(127))
		}
		return append(with(lines[:i:i], i, string(text)), lines[i+1:]...)
	}
}

// The file of the checkpoints may be moved or removed while the log is written.
func TestCheckpointsFollowTheirPath(t *testing.T) {
	path := logPath(t)
	l, err := Open((&tally{}).options(Options{Path: path, Sync: true, Key: testKey, Checkpoints: path + ".marks"}))
	must(t, err)
	mark := func(i int) {
		must(t, l.Add(Entry{Line: entry(i)}))
		l.flush.markedAt = l.flush.markedAt.Add(-checkpointTime)
		must(t, l.flush.flush())
	}
	mark(0)
	must(t, os.Rename(path+".marks", path+".moved"))
	mark(1)
	must(t, os.Remove(path+".marks"))
	mark(2)
	must(t, l.Close())
	for name, n := range map[string]int{".moved": 1, ".marks": 2} { // Close writes one, too
		if got := strings.Count(read(t, path+name), "\n"); got != n {
			t.Errorf("%s holds %d checkpoints, not %d", name, got, n)
		}
	}
}

func TestCheckpointsFindACutOffEnd(t *testing.T) {
	path := logPath(t)
	o := (&tally{}).options(Options{Path: path, Sync: true, Key: testKey, Checkpoints: path + ".marks"})
	for range 2 {
		l, err := Open(o)
		must(t, err)
		for i := range 5 {
			must(t, l.Add(Entry{Line: entry(i)}))
			l.flush.markedAt = l.flush.markedAt.Add(-checkpointTime)
			must(t, l.flush.flush())
		}
		must(t, l.Close())
	}
	lines := slices.Collect(strings.Lines(files(t, path)[0]))
	marks := read(t, path+".marks")
	check := func(lines []string, marks string) *Report {
		v := NewVerifier(testKey)
		must(t, v.Checkpoints("marks", strings.NewReader(marks)))
		must(t, v.Read("log", strings.NewReader(strings.Join(lines, ""))))
		return v.Finish()
	}
	if r := check(lines, marks); !r.Sound() || r.Checked < 10 {
		t.Errorf("%+v", r)
	}
	for n := 1; n < len(lines); n++ {
		if r := check(lines[:n], marks); len(r.Findings) != 1 || r.Findings[0].Kind != CutOff || r.Findings[0].Line != n {
			t.Errorf("cut off after %d: %+v", n, r.Findings)
		}
	}
	if r := check(sample(t), marks); len(r.Findings) != 1 || r.Findings[0].Kind != CutOff {
		t.Errorf("another log in its place: %+v", r.Findings)
	}
	if r := check(lines, strings.Replace(marks, `"mac":"`, `"mac":"0`, 1)); len(r.Findings) != 1 {
		t.Errorf("a checkpoint that differs: %+v", r.Findings)
	}
	if r := check(lines, marks+"rubbish\n"); len(r.Findings) != 1 {
		t.Errorf("rubbish among the checkpoints: %+v", r.Findings)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte(strings.Join(sample(f), "")))
	f.Add([]byte("{}\n{\"event\":\"torn\"}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		v := NewVerifier(testKey)
		if err := v.Read("x", bytes.NewReader(text)); err != nil {
			return
		}
		if r := v.Finish(); r.Intact > r.Lines {
			t.Errorf("%+v", r)
		}
	})
}

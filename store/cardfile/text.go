package cardfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// encodings holds the encodings by their names in options and reports.
var encodings = map[string]encoding.Encoding{
	"utf-8":        nil,
	"utf-16":       unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
	"utf-16le":     unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
	"utf-16be":     unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	"windows-1252": charmap.Windows1252,
	"windows-1251": charmap.Windows1251,
	"gb18030":      simplifiedchinese.GB18030,
	"latin1":       charmap.ISO8859_1,
	"macintosh":    charmap.Macintosh,
}

// text returns the file as UTF-8 without a byte order mark, and the name of
// its original encoding.
func (f File) text(ctx context.Context, o Options) (io.Reader, string, error) {
	name := strings.ToLower(o.Encoding)
	if _, known := encodings[name]; !known && name != "" {
		return nil, "", ask("encoding", "the encoding %q is unknown", excerpt(o.Encoding))
	}
	looks, sample, err := f.encoding(ctx)
	if err != nil {
		return nil, "", err
	}
	if name == "" && looks == otherAlphabet {
		return nil, "", askEncoding("its letters are not Latin", sample, "windows-1251", "gb18030", "windows-1252")
	}
	if name == "" && looks == oldLatin {
		return nil, "", askEncoding("some letters are those of old Macs", sample, "macintosh", "windows-1252")
	}
	if name == "" {
		name = looks
	}
	if name == "utf-8" && looks != "utf-8" {
		return nil, "", ask("encoding", "the file is not valid UTF-8")
	}
	all := io.NewSectionReader(f, 0, f.Size)
	if e := encodings[name]; e != nil {
		return transform.NewReader(all, e.NewDecoder()), name, nil
	}
	return transform.NewReader(all, unicode.UTF8BOM.NewDecoder()), name, nil
}

// otherAlphabet is the encoding of a text that is not in UTF-8 and has words of letters that are not Latin. That of
// oldLatin has bytes between letters that are letters in MacRoman, and signs in windows-1252.
const (
	otherAlphabet = "other"
	oldLatin      = "old"
)

// askEncoding asks for the encoding, and shows how a cell reads in each.
func askEncoding(why string, sample []byte, names ...string) error {
	q := Question{Code: "encoding", Option: "encoding", Text: "the file is not in UTF-8, and " + why + ": give encoding=NAME, or save it in UTF-8"}
	for _, name := range names {
		c := Choice{Parameter: "encoding", Value: name}
		if text, err := encodings[name].NewDecoder().Bytes(sample); err == nil {
			c.Effect = fmt.Sprintf("a cell is %q", excerpt(string(text)))
		}
		q.Choices = append(q.Choices, c)
	}
	return Open([]Question{q}, []Mapped{})
}

// letterRuns counts the words of bytes beyond ASCII: in Latin letters, hardly any has three of them in a row. It also
// counts the letters of MacRoman.
type letterRuns struct {
	now, short, long, mac int
	sample                []byte // a cell with such bytes; one with a letter of MacRoman if there is one
}

// macLetters are bytes that are letters in MacRoman, and no letters in windows-1252. macSmall are small letters in
// MacRoman, such as é, and capitals in windows-1252, which do not stand beside small ones within a word. macEnds are no
// letters or signs behind small letters in windows-1252.
const (
	macLetters = "\x81\x87\x88\x89\x8B\x8D\x8F\x90\x98\x99\x9D"
	macSmall   = "\x8A\x8C\x8E\x9F"
	macEnds    = macSmall + "\x81\x87\x8D\x8F\x90\x9D"
)

func (r *letterRuns) count(part []byte) {
	for i, b := range part {
		if b >= 0x80 {
			if r.now++; r.sample == nil {
				r.sample = cellAround(part, i)
			}
			if i > 0 && i+1 < len(part) && isMacLetter(part[i-1], b, part[i+1]) {
				if r.mac++; r.mac == 1 {
					r.sample = cellAround(part, i)
				}
			}
			continue
		}
		switch {
		case r.now > 2:
			r.long++
		case r.now > 0:
			r.short++
		}
		r.now = 0
	}
}

// isMacLetter reports whether a byte between two others is a letter in MacRoman, and would be strange in windows-1252.
func isMacLetter(before, b, behind byte) bool {
	small := max(before, behind) >= 'a'
	switch {
	case !isLetter(before):
		return false
	case isLetter(behind) && (strings.IndexByte(macLetters, b) >= 0 || small && strings.IndexByte(macSmall, b) >= 0):
		return true
	}
	return before >= 'a' && strings.IndexByte(macEnds, b) >= 0
}

// cellAround copies the cell of a part of a text in which a byte stands, cut to 60 bytes before it and behind it.
func cellAround(part []byte, at int) []byte {
	const ends = ",;\t|\"\r\n"
	from, to := max(0, at-60), min(len(part), at+60)
	from += bytes.LastIndexAny(part[from:at], ends) + 1
	if end := bytes.IndexAny(part[at:to], ends); end >= 0 {
		to = at + end
	}
	return bytes.Clone(part[from:to])
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// encoding examines the whole file. A byte order mark shows UTF-16, valid
// bytes show UTF-8, and everything else counts as windows-1252. sample is a cell that is not in UTF-8.
func (f File) encoding(ctx context.Context) (name string, sample []byte, err error) {
	all := &guard{ctx: ctx, from: io.NewSectionReader(f, 0, f.Size)}
	buffer := make([]byte, 64<<10)
	held := 0
	valid := true
	var letters letterRuns
	for first := true; ; first = false {
		n, err := all.Read(buffer[held:])
		chunk := buffer[:held+n]
		if first && (bytes.HasPrefix(chunk, []byte("\xFF\xFE")) || bytes.HasPrefix(chunk, []byte("\xFE\xFF"))) {
			return "utf-16", nil, nil
		}
		if bytes.IndexByte(chunk, 0) >= 0 {
			return "", nil, ask("encoding", "the file has NUL bytes: it is not a text, or is UTF-16 without a byte order mark")
		}
		rest := 0
		if valid {
			valid, rest = validUTF8(chunk)
		}
		if !valid {
			letters.count(chunk)
		}
		held = copy(buffer, chunk[len(chunk)-rest:])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", nil, err
		}
	}
	if valid && held == 0 {
		return "utf-8", nil, nil
	}
	if letters.count([]byte("\n")); letters.long > letters.short {
		return otherAlphabet, letters.sample, nil
	}
	if letters.mac > 0 {
		return oldLatin, letters.sample, nil
	}
	return "windows-1252", nil, nil
}

// validUTF8 reports whether a part of a text is valid UTF-8. The part may end
// within a character; rest is the number of bytes of that character.
func validUTF8(part []byte) (valid bool, rest int) {
	for rest := range min(utf8.UTFMax, len(part)+1) {
		if utf8.Valid(part[:len(part)-rest]) {
			return rest == 0 || !utf8.FullRune(part[len(part)-rest:]), rest
		}
	}
	return false, 0
}

// lines reads a text whose lines end with CR alone as one whose lines end with LF.
type lines struct {
	from  io.Reader
	known bool
	alone bool // CR ends lines
}

func (l *lines) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	if !l.known && n > 0 {
		l.known = true
		ends, both := bytes.Count(p[:n], []byte("\r")), bytes.Count(p[:n], []byte("\r\n"))
		l.alone = ends-both > bytes.Count(p[:n], []byte("\n"))
	}
	if l.alone {
		for i := range p[:n] {
			if p[i] == '\r' {
				p[i] = '\n'
			}
		}
	}
	return n, err
}

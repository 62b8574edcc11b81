package cardfile

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"mime"
	"path"
	"strings"
)

var endings = map[string]string{
	".csv": CSV, ".tsv": CSV, ".txt": CSV, ".xlsx": XLSX, ".xlsm": XLSX, ".json": JSON, ".ndjson": NDJSON, ".jsonl": NDJSON,
}

// The media types of files.
const (
	MediaCSV    = "text/csv"
	MediaXLSX   = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	MediaNDJSON = "application/x-ndjson"
	MediaJSON   = "application/vnd.open-rate-card+json"
)

var mediaTypes = map[string]string{
	MediaCSV: CSV, "text/plain": CSV, "text/tab-separated-values": CSV, "application/csv": CSV,
	MediaXLSX: XLSX, MediaNDJSON: NDJSON, "application/jsonl": NDJSON, "application/json": JSON, MediaJSON: JSON,
}

// FormatOf returns the format for a file name, or "" for an unknown ending.
func FormatOf(name string) string { return endings[strings.ToLower(path.Ext(name))] }

// claims returns the formats that the options, the media type and the name
// give.
func (f File) claims(o Options) []string {
	mediaType, _, err := mime.ParseMediaType(f.MediaType)
	if err != nil {
		mediaType = ""
	}
	return []string{o.Format, mediaTypes[mediaType], FormatOf(f.Name)}
}

// format returns the format of the file. It detects the format and refuses a
// file whose options, media type or name say otherwise.
func (f File) format(o Options) (string, error) {
	head := make([]byte, 4096)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if n == 0 {
		return "", broken("the file is empty")
	}
	looks, err := lookOf(head[:n])
	if err != nil {
		return "", err
	}
	chosen := ""
	for _, claim := range f.claims(o) {
		switch {
		case claim == "":
		case claim == looks, isJSON(claim) && isJSON(looks): // both may begin alike
			chosen = cmp.Or(chosen, claim)
		default:
			return "", ask("format", "the file is said to be %s, but looks like %s", claim, looks)
		}
	}
	return cmp.Or(chosen, looks), nil
}

func isJSON(format string) bool { return format == JSON || format == NDJSON }

// magics lists the first bytes of files that are not rate cards.
var magics = []struct{ begin, what string }{
	{"%PDF", "a PDF document"},
	{"\xD0\xCF\x11\xE0", "an old Excel workbook (XLS): save it as XLSX or CSV"},
	{"\x1F\x8B", "a gzip archive inside another"},
	{"BZh", "a bzip2 archive"},
	{"Rar!", "a RAR archive"},
	{"7z\xBC\xAF", "a 7-Zip archive"},
	{"<", "HTML or XML"},
	{"{\\rtf", "a document of a word processor"},
	{"\x7FELF", "a program"},
	{"\x89PNG", "a picture"},
	{"\xFF\xD8\xFF", "a picture"},
}

func lookOf(head []byte) (string, error) {
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		return XLSX, nil
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n")
	for _, m := range magics {
		if bytes.HasPrefix(text, []byte(m.begin)) {
			return "", broken("the file is %s, not a rate card", m.what)
		}
	}
	if !bytes.HasPrefix(text, []byte("{")) {
		return CSV, nil
	}
	if line, _, more := bytes.Cut(text, []byte("\n")); more && bytes.HasSuffix(bytes.TrimRight(line, " \t\r"), []byte("}")) {
		return NDJSON, nil
	}
	return JSON, nil
}

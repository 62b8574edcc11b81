package server

import (
	"strconv"
	"strings"
)

// acceptedOf returns which of the offered media types the values of Accept ask for, as
// RFC 9110, section 12.5.1, defines it: "" if none. The most specific range that a type
// is in decides its weight, and a weight of 0 refuses it. Of several types with the
// greatest weight, the one with the most specific range counts, then the one that is
// named first, then the one that is offered first.
//
// A range is ignored if it is malformed, or has parameters other than a charset of UTF-8.
func acceptedOf(values []string, offers []string) string {
	ranges, named := []mediaRange{}, false
	for _, value := range values {
		for _, part := range splitOutside(value, ',') {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			named = true
			if r, ok := rangeOf(part); ok {
				ranges = append(ranges, r)
			}
		}
	}
	if !named {
		return offers[0]
	}
	best, offered := mediaRange{}, ""
	for _, offer := range offers {
		if r, ok := mostSpecific(ranges, offer); ok && (r.weight > best.weight || r.weight == best.weight && r.weight > 0 && r.precision > best.precision) {
			best, offered = r, offer
		}
	}
	return offered
}

// mediaRange is one element of Accept.
type mediaRange struct {
	typ       string // "text/csv", "text/" for all of text, "" for all
	weight    float64
	precision int // specificity first, then the place: the earlier the greater
}

// mostSpecific returns the range that decides about an offered type.
func mostSpecific(ranges []mediaRange, offer string) (found mediaRange, ok bool) {
	for i, r := range ranges {
		whole := r.typ == offer
		if !whole && (r.typ != "" && !strings.HasSuffix(r.typ, "/") || !strings.HasPrefix(offer, r.typ)) {
			continue
		}
		r.precision = min(strings.Count(r.typ, "/"), 1)
		if whole {
			r.precision = 2
		}
		r.precision = (r.precision+1)*len(ranges) - i
		if !ok || r.precision > found.precision {
			found, ok = r, true
		}
	}
	return found, ok
}

// rangeOf reads an element of Accept. Some clients send * for */*.
func rangeOf(text string) (r mediaRange, ok bool) {
	parts := splitOutside(text, ';')
	r = mediaRange{typ: strings.ToLower(strings.TrimSpace(parts[0])), weight: 1}
	if r.typ == "*" || r.typ == "*/*" {
		r.typ = ""
	} else if main, sub, cut := strings.Cut(r.typ, "/"); !cut || main == "" || sub == "" || main == "*" {
		return r, false
	} else if sub == "*" {
		r.typ = main + "/"
	}
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "q":
			var err error
			r.weight, err = strconv.ParseFloat(value, 64)
			return r, err == nil && strings.Trim(value, "0123456789.") == "" && r.weight <= 1 // what follows is no parameter
		case "charset":
			if strings.EqualFold(strings.Trim(value, `"`), "utf-8") {
				continue
			}
			return r, false
		case "":
			continue
		default:
			return r, false
		}
	}
	return r, true
}

// splitOutside splits a text at a separator that is not in a quoted string.
func splitOutside(text string, separator byte) (parts []string) {
	quoted, start := false, 0
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == separator && !quoted:
			parts, start = append(parts, text[start:i]), i+1
		}
	}
	return append(parts, text[start:])
}

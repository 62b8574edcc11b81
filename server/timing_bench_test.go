package server

import (
	"fmt"
	"testing"
)

// BenchmarkInvisibleOrAbsent compares the time of answers about rows that the user
// does not see with that of answers about rows that do not exist. The answers are
// alike. Run it with -count, and compare the medians of each pair.
func BenchmarkInvisibleOrAbsent(b *testing.B) {
	w := newWorld(b, carriers.SQLite(b), engineOf(b, 1), seedWorld)
	read := func(path string) func(string) answered {
		return func(id string) answered { return w.do("a", "GET", fmt.Sprintf(path, id), "") }
	}
	for _, c := range []struct {
		name, invisible, absent string
		ask                     func(id string) answered
	}{
		{"preview", w.id("b"), "usr_" + w.id("absent")[4:], read("/v1/preview/%s")},
		{"row", w.id("bolt"), "cus_" + w.id("absent")[4:], read("/v1/customers/%s")},
		{"rates", w.id("silver"), "crd_" + w.id("absent")[4:], read("/v1/cards/%s/rates")},
		{"evaluation", w.id("bolt"), "cus_" + w.id("absent")[4:], func(id string) answered {
			return w.do("a", "POST", "/access/v1/evaluation", `{"subject":{"type":"user","id":"`+w.id("a")+
				`"},"action":{"name":"read"},"resource":{"type":"customer","id":"`+id+`"}}`)
		}},
	} {
		for _, of := range []struct{ name, id string }{{"invisible", c.invisible}, {"absent", c.absent}} {
			b.Run(c.name+"/"+of.name, func(b *testing.B) {
				for b.Loop() {
					c.ask(of.id)
				}
			})
		}
	}
}

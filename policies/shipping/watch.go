package shipping

import (
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// watchPaths watches directories. In parent, it watches only the entry name.
// It ignores paths that cannot be watched; polling covers them.
func watchPaths(parent, name string, dirs []string) (<-chan struct{}, func()) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, func() {}
	}
	_ = watcher.Add(parent)
	for _, dir := range dirs {
		_ = watcher.Add(dir)
	}
	changed := make(chan struct{}, 1)
	go signal(watcher, changed, func(e fsnotify.Event) bool {
		return filepath.Dir(e.Name) != filepath.Clean(parent) || filepath.Base(e.Name) == name
	})
	return changed, func() { _ = watcher.Close() }
}

// signal sends a value to changed after each event of interest. It does so
// after an error too, because events may be lost. It ends when the watcher is
// closed.
func signal(watcher *fsnotify.Watcher, changed chan<- struct{}, of func(fsnotify.Event) bool) {
	tell := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	for {
		select {
		case event, open := <-watcher.Events:
			if !open {
				return
			}
			if !event.Has(fsnotify.Chmod) && of(event) {
				tell()
			}
		case _, open := <-watcher.Errors:
			if !open {
				return
			}
			tell()
		}
	}
}

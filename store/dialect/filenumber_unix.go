//go:build unix

package dialect

import (
	"fmt"
	"os"
	"syscall"
)

// fileNumber distinguishes a file from others of its file system.
func fileNumber(info os.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprint(stat.Ino)
}

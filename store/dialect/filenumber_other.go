//go:build !unix

package dialect

import "os"

// fileNumber is "": this system does not number files.
func fileNumber(os.FileInfo) string { return "" }

package check

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// importRules find misleading imports.
var importRules = []lintRule{
	{"avoid-importing-input", "read it from input, so that it is plain where it comes from", importsInput},
	{"circular-import", "move what both packages need into a third", circularImport},
	{"confusing-alias", "import it once, under one name", confusingAlias},
	{"import-after-rule", "move the import to the top", importAfterRule},
	{"import-shadows-builtin", "import it under another name", importShadowsBuiltin},
	{"pointless-import", "drop the import: a package sees its own rules", pointlessImport},
	{"prefer-package-imports", "import the package, and name the rule in it where it is used", rulesImported},
	{"redundant-alias", "drop the alias", redundantAlias},
	{"redundant-data-import", "drop the import: data is always there", redundantData},
	{"unresolved-import", "mend the path: nothing in the tree is there", unresolvedImport},
}

// eachImport calls fn with each import whose path is a reference.
func (f *file) eachImport(fn func(imported *ast.Import, path ast.Ref)) {
	for _, imported := range f.module.Imports {
		if path, ok := imported.Path.Value.(ast.Ref); ok {
			fn(imported, path)
		}
	}
}

func importsInput(f *file) {
	f.eachImport(func(imported *ast.Import, path ast.Ref) {
		if path.HasPrefix(ast.InputRootRef) && len(path) > 1 {
			f.on(imported.Location, "%s is imported", path)
		}
	})
}

func circularImport(f *file) {
	own := f.module.Package.Path.String()
	f.eachImport(func(imported *ast.Import, path ast.Ref) {
		if _, within := f.rulesAt(path); within != "" && within != own && f.leads(within, own, map[string]bool{}) {
			f.on(imported.Location, "%s leads back to this package by its own imports", path)
		}
	})
}

// leads reports whether a package imports another, directly or indirectly.
func (p *parsed) leads(from, to string, seen map[string]bool) bool {
	if seen[from] {
		return false
	}
	seen[from] = true
	for _, f := range p.files {
		if f.module.Package.Path.String() != from || f.test() {
			continue
		}
		for _, path := range f.imports {
			if _, within := p.rulesAt(path); within == to || within != "" && p.leads(within, to, seen) {
				return true
			}
		}
	}
	return false
}

func confusingAlias(f *file) {
	seen := map[string]bool{}
	f.eachImport(func(imported *ast.Import, path ast.Ref) {
		if seen[path.String()] {
			f.on(imported.Location, "%s is imported twice", path)
		}
		seen[path.String()] = true
	})
}

func importAfterRule(f *file) {
	if len(f.module.Rules) == 0 {
		return
	}
	f.eachImport(func(imported *ast.Import, path ast.Ref) {
		if imported.Location.Row > f.module.Rules[0].Location.Row {
			f.on(imported.Location, "%s is imported below a rule", path)
		}
	})
}

func importShadowsBuiltin(f *file) {
	f.eachImport(func(imported *ast.Import, path ast.Ref) {
		if path.HasPrefix(ast.DefaultRootRef) && builtins[string(imported.Name())] {
			f.on(imported.Location, "the import hides the built-ins of the name %s", imported.Name())
		}
	})
}

func pointlessImport(f *file) {
	f.eachImport(func(imported *ast.Import, path ast.Ref) {
		if path.HasPrefix(f.module.Package.Path) {
			f.on(imported.Location, "%s is this package itself", path)
		}
	})
}

func rulesImported(f *file) {
	f.eachImport(func(imported *ast.Import, path ast.Ref) {
		if rules, within := f.rulesAt(path); len(rules) > 0 && within != f.module.Package.Path.String() {
			f.on(imported.Location, "%s is a rule", path)
		}
	})
}

func redundantAlias(f *file) {
	f.eachImport(func(imported *ast.Import, path ast.Ref) {
		if last, ok := path[len(path)-1].Value.(ast.String); ok && string(imported.Alias) == string(last) {
			f.on(imported.Location, "%s is imported under its own name", path)
		}
	})
}

func redundantData(f *file) {
	f.eachImport(func(imported *ast.Import, path ast.Ref) {
		if path.Equal(ast.DefaultRootRef) || path.Equal(ast.InputRootRef) {
			f.on(imported.Location, "%s is imported", path)
		}
	})
}

func unresolvedImport(f *file) {
	f.eachImport(func(imported *ast.Import, path ast.Ref) {
		rules, within := f.rulesAt(path)
		if !path.HasPrefix(ast.DefaultRootRef) || len(rules) > 0 || within == path.String() || f.there(path) {
			return
		}
		f.on(imported.Location, "%s is not there", strings.TrimPrefix(path.String(), "data."))
	})
}

// Package upgrade tests that a store of the release before this one is
// migrated in bounded time while the released binary keeps serving it.
// .ci/upgrade builds both binaries and runs it:
//
//	.ci/upgrade            # 50,000 customers
//	.ci/upgrade 1000000
package upgrade

"""One function per fix: plan, prove, replace. The only room that changes somebody's SAE."""

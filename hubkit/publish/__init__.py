"""One plan for dry run and push; one commit; proof at the new commit."""

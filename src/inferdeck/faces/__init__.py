"""Where people look: each face asks the daemon through client/ and knows no other face."""

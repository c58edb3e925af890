# A thin cover over run.sh, for those whose fingers type make.
.PHONY: run test
run:
	./run.sh
test:
	./run.sh test

# docker build -t homeostat .
# docker run --rm -it -v "$PWD:/project" -p 8750:8750 homeostat tune train.py --budget 30m
# docker run --rm -it -v "$PWD:/project" -p 8750:8750 homeostat dashboard --host 0.0.0.0 --token SECRET
FROM python:3.12-slim AS build
COPY . /source
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM python:3.12-slim
# What scripts of yours need comes with it, or with an image of your own: FROM homeostat, RUN pip install ...
# PyTorch without CUDA; for GPUs leave the first line out.
RUN pip install --no-cache-dir torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu
COPY constraints.txt /tmp/constraints.txt
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir -c /tmp/constraints.txt "$(echo /wheels/homeostat-*.whl)[report,dashboard,export]" \
    && rm -r /wheels /tmp/constraints.txt
# Nobody needs to be root to train; results belong to whoever owns /project: add  --user "$(id -u):$(id -g)"
RUN useradd --create-home homeostat
USER homeostat
WORKDIR /project
ENV HOME=/tmp OMP_NUM_THREADS=1
EXPOSE 8750
ENTRYPOINT ["homeostat"]
CMD ["--help"]

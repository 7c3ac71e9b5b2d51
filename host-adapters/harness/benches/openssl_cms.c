/* OpenSSL's own verification and signing of the messages that the benchmark `incoming` hands over.
 *
 * usage: openssl_cms ROUNDS BLOCK ENVELOPE.eml ROOTS.pem CERTS.pem KEY.pem AT CONTENT...
 *
 * Prints, for each of ROUNDS blocks of BLOCK runs, the seconds of one run: S/MIME parsed, signature
 * and path verified, and each CONTENT signed (detached, RSA with SHA-256) and written as S/MIME.
 * All in one process and in memory: no fork, no file is part of what is measured.
 */
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MOST_CONTENTS 8

struct octets {
    char *start;
    long length;
};

static void die(const char *what)
{
    fprintf(stderr, "openssl_cms: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static struct octets read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct octets read = {NULL, 0};
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (read.length = ftell(file)) < 0)
        die(path);
    rewind(file);
    read.start = malloc((size_t)read.length);
    if (read.start == NULL || fread(read.start, 1, (size_t)read.length, file) != (size_t)read.length)
        die(path);
    fclose(file);
    return read;
}

static BIO *reader(struct octets octets)
{
    return BIO_new_mem_buf(octets.start, (int)octets.length);
}

static STACK_OF(X509) *read_certificates(const char *path)
{
    STACK_OF(X509) *all = sk_X509_new_null();
    BIO *bio = BIO_new_file(path, "r");
    X509 *certificate;
    if (bio == NULL)
        die(path);
    while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
        sk_X509_push(all, certificate);
    ERR_clear_error();
    BIO_free(bio);
    return all;
}

static void verify(struct octets envelope, X509_STORE *store)
{
    BIO *in = reader(envelope), *content = NULL, *out = BIO_new(BIO_s_null());
    CMS_ContentInfo *cms = SMIME_read_CMS(in, &content);
    if (cms == NULL || CMS_verify(cms, NULL, store, content, out, 0) != 1)
        die("the envelope does not verify");
    CMS_ContentInfo_free(cms);
    BIO_free(content);
    BIO_free(out);
    BIO_free(in);
}

static void sign(struct octets content, X509 *signer, EVP_PKEY *key, STACK_OF(X509) *issuers)
{
    const unsigned flags = CMS_DETACHED | CMS_BINARY | CMS_NOSMIMECAP;
    BIO *in = reader(content), *out = BIO_new(BIO_s_mem());
    CMS_ContentInfo *cms = CMS_sign(signer, key, issuers, in, flags | CMS_STREAM);
    if (cms == NULL || SMIME_write_CMS(out, cms, in, (int)(flags | CMS_STREAM)) != 1)
        die("it does not sign");
    CMS_ContentInfo_free(cms);
    BIO_free(out);
    BIO_free(in);
}

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc < 9 || argc - 8 > MOST_CONTENTS)
        die("usage: see the first lines of its source");
    const int rounds = atoi(argv[1]), block = atoi(argv[2]), contents = argc - 8;
    struct octets envelope = read_file(argv[3]), content[MOST_CONTENTS];
    for (int i = 0; i < contents; i++)
        content[i] = read_file(argv[8 + i]);

    X509_STORE *store = X509_STORE_new();
    X509_VERIFY_PARAM *parameters = X509_STORE_get0_param(store);
    if (X509_STORE_load_file(store, argv[4]) != 1)
        die(argv[4]);
    X509_STORE_set_purpose(store, X509_PURPOSE_SMIME_SIGN);
    X509_VERIFY_PARAM_set_time(parameters, (time_t)atoll(argv[7]));

    STACK_OF(X509) *certificates = read_certificates(argv[5]);
    BIO *bio = BIO_new_file(argv[6], "r");
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    X509 *signer = sk_X509_shift(certificates);
    if (key == NULL || signer == NULL)
        die(argv[6]);

    for (int round = 0; round < rounds; round++) {
        const double begun = now();
        for (int run = 0; run < block; run++) {
            verify(envelope, store);
            for (int i = 0; i < contents; i++)
                sign(content[i], signer, key, certificates);
        }
        printf("%.9f\n", (now() - begun) / block);
    }
    return 0;
}

/* Replaced as soon as there is a command line. */
int main(void)
{
    return 0;
}

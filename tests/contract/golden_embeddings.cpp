// Produces dlib's own numbers for tests/contract/golden_embeddings.npz; run once, by hand:
//
//   apt-get install libdlib-dev            # 19.24 on Debian 12
//   g++ -O2 -std=c++17 -o golden golden_embeddings.cpp -ldlib -l:libblas.so.3 -l:liblapack.so.3 -lpthread
//   python golden_embeddings.py chips.raw                            # writes RGB chips
//   ./golden dlib_face_recognition_resnet_model_v1.dat chips.raw embeddings.raw
//   python golden_embeddings.py chips.raw embeddings.raw             # writes golden_embeddings.npz
//
// The network is declared as in dlib's own example dnn_face_recognition_ex.cpp.
#include <dlib/dnn.h>

#include <fstream>
#include <iostream>
#include <vector>

using namespace dlib;

template <template <int, template <typename> class, int, typename> class block, int N,
          template <typename> class BN, typename SUBNET>
using residual = add_prev1<block<N, BN, 1, tag1<SUBNET>>>;
template <template <int, template <typename> class, int, typename> class block, int N,
          template <typename> class BN, typename SUBNET>
using residual_down = add_prev2<avg_pool<2, 2, 2, 2, skip1<tag2<block<N, BN, 2, tag1<SUBNET>>>>>>;
template <int N, template <typename> class BN, int stride, typename SUBNET>
using block = BN<con<N, 3, 3, 1, 1, relu<BN<con<N, 3, 3, stride, stride, SUBNET>>>>>;
template <int N, typename SUBNET> using ares = relu<residual<block, N, affine, SUBNET>>;
template <int N, typename SUBNET> using ares_down = relu<residual_down<block, N, affine, SUBNET>>;
template <typename SUBNET> using alevel0 = ares_down<256, SUBNET>;
template <typename SUBNET> using alevel1 = ares<256, ares<256, ares_down<256, SUBNET>>>;
template <typename SUBNET> using alevel2 = ares<128, ares<128, ares_down<128, SUBNET>>>;
template <typename SUBNET> using alevel3 = ares<64, ares<64, ares<64, ares_down<64, SUBNET>>>>;
template <typename SUBNET> using alevel4 = ares<32, ares<32, ares<32, SUBNET>>>;
using anet = loss_metric<fc_no_bias<
    128, avg_pool_everything<alevel0<alevel1<alevel2<alevel3<
             alevel4<max_pool<3, 3, 2, 2, relu<affine<con<32, 7, 7, 2, 2, input_rgb_image_sized<150>>>>>>>>>>>>>;

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    anet net;
    deserialize(argv[1]) >> net;
    std::ifstream in(argv[2], std::ios::binary);
    std::ofstream out(argv[3], std::ios::binary);
    std::vector<unsigned char> raw(150 * 150 * 3);
    while (in.read(reinterpret_cast<char*>(raw.data()), raw.size())) {
        matrix<rgb_pixel> chip(150, 150);
        for (long r = 0; r < 150; ++r)
            for (long c = 0; c < 150; ++c) {
                const unsigned char* p = &raw[(r * 150 + c) * 3];
                chip(r, c) = rgb_pixel(p[0], p[1], p[2]);
            }
        matrix<float, 0, 1> embedding = net(chip);
        for (long i = 0; i < embedding.size(); ++i) {
            const float value = embedding(i);
            out.write(reinterpret_cast<const char*>(&value), sizeof value);
        }
    }
}
